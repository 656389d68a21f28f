"""The contributor's page works: its example, laid into a copy of the project, is green there, and red with its defect."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from validation.core.settings import PROJECT
from validation.defects.seeding import seeded_copy
from validation.probes.source import markdown

PAGE = (PROJECT / "docs" / "guides" / "add-a-checkpoint.md").read_text(encoding="utf-8")
FIRST_LINE = re.compile(r"(?:#|<!--) (?P<file>\S+?)(?:, after: (?P<after>.+?))?(?: -->)?\n")
SECONDS = 120


@dataclass(frozen=True)
class Block:
    file: str
    after: str
    text: str

    def lay_into(self, copy: Path) -> None:
        target = copy / self.file
        before = target.read_text(encoding="utf-8") if target.exists() else ""
        if not self.after:
            target.write_text(before + self.text, encoding="utf-8")
            return
        line = f"{self.after}\n"
        assert before.count(line) == 1, f'{self.file} has {before.count(line)} lines "{self.after}"'
        target.write_text(before.replace(line, line + self.text), encoding="utf-8")


BLOCKS = [
    Block(first["file"], first["after"] or "", block[first.end() :])
    for block in markdown.code_blocks(PAGE, "toml", "gherkin", "python", "md")
    if (first := FIRST_LINE.match(block))
]


@contextmanager
def copy_with(blocks: list[Block]) -> Iterator[Path]:
    with seeded_copy(None) as copy:
        for block in blocks:
            block.lay_into(copy)
        yield copy


def python(copy: Path, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-B", *arguments]
    wide = os.environ | {"COLUMNS": "200"} | env
    return subprocess.run(command, cwd=copy, env=wide, capture_output=True, text=True, timeout=SECONDS, check=False)


def together(copy: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run the tests of the copy that hold a checkpoint together with its defect, its scenario and the documents."""
    files = [
        "tests/defects/test_catalogue.py",
        "tests/hygiene/test_documents.py",
        "tests/hygiene/test_guarantees.py",
        "tests/hygiene/test_claims.py",
        "tests/unit/registry/test_scenarios.py",
        "features",
    ]
    chosen = "has_a_defect or says or is_on_it or every_scenario_a_checkpoint or quotes_its_page or item_of_a_list or scenario_is_listed"
    return python(copy, "-m", "pytest", "-q", "--no-header", "-rf", *files, "-k", chosen, **env)


@pytest.fixture(scope="module")
def copy() -> Iterator[Path]:
    with copy_with(BLOCKS) as whole:
        yield whole


def test_the_page_has_a_block_for_each_step() -> None:
    assert [block.file for block in BLOCKS] == [
        "validation/registry/checkpoints.toml",
        "features/beyond/request_id.feature",
        "features/steps/api/request_id.py",
        "validation/defects/defects.toml",
        "docs/explanation/guarantees.md",
        "validation/registry/claims/guarantees.toml",
    ]


def test_the_registry_takes_the_checkpoint_and_knows_its_defect(copy: Path) -> None:
    told = python(copy, "-m", "validation", "explain", "B99")
    assert "Catches:     D999 The API replaces the id of a request" in told.stdout, told.stderr


def test_the_checkpoint_is_green_and_its_defect_turns_it_red(copy: Path) -> None:
    told = python(copy, "-m", "validation", "defects", "run", "--defect", "D999")
    assert told.returncode == 0, told.stdout + told.stderr
    first, last = told.stdout.splitlines()
    shown = re.search(r"^(D999 caught .+ observed \w{4})", PAGE, re.MULTILINE)
    assert shown
    same = [re.sub(r" +\d+ s  ", " ", line) for line in (first, shown[1].removesuffix("0199"))]  # however long it took
    assert same[0].startswith(same[1]), "the page shows other words"
    assert last == "1 of 1 caught"


def test_with_the_documents_made_again_the_project_is_in_order(copy: Path) -> None:
    made = together(copy, VOTECHECK_REGENERATE="1")
    assert made.returncode == 0, made.stdout
    assert " passed" in made.stdout


def test_an_entry_in_the_registry_is_not_enough() -> None:
    with copy_with([block for block in BLOCKS if block.file == "validation/registry/checkpoints.toml"]) as bare:
        told = together(bare)
    assert told.returncode == 1, told.stdout + told.stderr
    refused = [line for line in told.stdout.splitlines() if line.startswith("FAILED")]
    assert len(refused) == 4, f"the defect, the promise, the document and the scenario are missing; it says {refused}"
    assert "B99" in told.stdout


def test_the_steps_are_written_as_all_others(copy: Path) -> None:
    files = [block.file for block in BLOCKS if block.file.endswith(".py")]
    for command in (["check"], ["format", "--check"]):
        told = python(copy, "-m", "ruff", *command, "--no-cache", *files)
        assert told.returncode == 0, told.stdout
