"""The table of commands is true, and the files and counts that pages name are there. Checkpoint 8.2 runs the commands."""

import re
from pathlib import Path

import pytest

from validation.core.settings import PROJECT
from validation.probes.source import command_lines, commands
from validation.probes.source.command_lines import gone
from validation.registry.checkpoints import BEYOND, registry

PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").rglob("*.md"))]
FOLDERS = {folder.name for folder in PROJECT.iterdir() if folder.is_dir() and not folder.name.startswith(".")} - {"reports"}
CODE = re.compile(rf"`(?:\./)?((?:{'|'.join(sorted(FOLDERS))})/[^`\s<{{]*)`")
WITH_FILES = [page for page in PAGES if page.parent.name not in {"adr", "phases", "results"}]
"""What a decision, a record or a measurement named at its time may be gone."""


def name(page: Path) -> str:
    return str(page.relative_to(PROJECT))


def problems(lines: list[str]) -> list[str]:
    """Return what is known against command lines, as checkpoint 8.2 sees it."""
    return [f"{line}: {why}" for line, why in zip(lines, command_lines.problems(PROJECT, lines), strict=True) if why]


def test_the_documents_have_the_commands_that_their_blocks_show() -> None:
    steps = [step for page in commands.pages(PROJECT) for step in page.steps]
    assert len(steps) > 100
    assert not [step for step in steps if "#" in step.line]


def test_each_command_that_is_not_run_names_files_that_show_the_same() -> None:
    named = [(row.command, word) for row in commands.rows() for word in re.findall(r"\S+/\S+", row.by)]
    assert len(named) > 20
    assert [one for one in named if not (PROJECT / one[1].strip(",;")).exists()] == []


def test_each_environment_of_tox_that_shows_the_same_exists() -> None:
    tox = (PROJECT / "tox.ini").read_text(encoding="utf-8")
    named = {name for row in commands.rows() for name in re.findall(r"tox run -e (\S+)", row.by)}
    assert named
    assert [name for name in sorted(named) if f"[testenv:{name}]" not in tox] == []


@pytest.mark.parametrize("page", WITH_FILES, ids=name)
def test_each_file_that_a_page_names_is_there(page: Path) -> None:
    assert gone(PROJECT, CODE.findall(page.read_text(encoding="utf-8"))) == []


def test_the_readme_counts_the_checkpoints() -> None:
    told = re.search(
        r"runs (\d+) checkpoints\s+of\s+a\s+release\s+protocol\s+and\s+(\d+)\s+more", (PROJECT / "README.md").read_text(encoding="utf-8")
    )
    assert told
    beyond = sum(one.phase == BEYOND for one in registry().values())
    assert [int(number) for number in told.groups()] == [len(registry()) - beyond, beyond]


def test_the_front_page_leads_to_every_guide() -> None:
    front = (PROJECT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = [page for folder in ("guides", "tutorial") for page in (PROJECT / "docs" / folder).glob("*.md")]
    assert [name(page) for page in pages if f"]({page.relative_to(PROJECT / 'docs')})" not in front] == []
