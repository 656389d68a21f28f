"""The commands of the documents that take too long for checkpoint 8.2 run here: those with `where = "tests"` in the table of commands."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from features.support.document_sessions import Ended, session
from validation.core.settings import PROJECT
from validation.probes.source import commands
from validation.probes.source.commands import Page
from validation.targets.cleanup import MARK

PAGES = [page for page in commands.pages(PROJECT) if "tests" in page.places()]


@pytest.fixture
def mark() -> dict[str, str]:
    return {MARK: f"documents-{secrets.token_hex(4)}"}


def wrong(one: Ended) -> Iterator[str]:
    row = one.step.row
    if one.code not in row.exit:
        yield f"exit code {one.code}, not {row.exit}"
    if row.shows not in one.output:
        yield f"does not show {row.shows}"
    if one.step.output and row.instead == "{command}" and not commands.shows(one.step.output, one.output):
        yield "does not show what the page shows"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_long_command_ends_as_its_page_says(page: Page, mark: dict[str, str]) -> None:
    with session(PROJECT, mark) as here:
        ended = list(here.follow(page, ("tests",)))
    assert ended
    assert {one.ran: (list(found), one.tail) for one in ended if (found := list(wrong(one)))} == {}


def test_the_tutorial_breaks_the_file_that_it_names_and_the_copy_is_whole_again(mark: dict[str, str]) -> None:
    page = commands.page(PROJECT, "docs/tutorial/first-defect.md")
    change = next(step for step in page.steps if step.removed)
    with session(PROJECT, mark) as here:
        file = here.folder / change.line
        before, during = file.read_text(encoding="utf-8"), []
        with here.changed(change):
            during.append(file.read_text(encoding="utf-8"))
        after = file.read_text(encoding="utf-8")
    assert before == after == (PROJECT / change.line).read_text(encoding="utf-8")
    assert during == [before.replace(change.removed, change.added)]
    assert change.added in during[0]
    assert not Path(file).exists()
