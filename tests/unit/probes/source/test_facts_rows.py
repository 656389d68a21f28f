"""Every fact of the table, changed at every one of its places alone, is a finding of 1.3: of this fact, and of no other."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from features.steps.documents import source as steps
from tests.unit.probes.source.statements import Change, changes
from validation.core.errors import Finding, HarnessError
from validation.defects.seeding import environment, seeded_copy
from validation.probes.source import facts
from validation.probes.source.facts import Statement
from validation.record.observe import Observe

CASES = [(fact, number) for fact, row in facts.facts().items() for number in range(len(row["places"]))]


@dataclass
class Judge:
    """1.3, by the code of a copy of the project, about this copy."""

    copy: Path
    process: "subprocess.Popen[str]"

    def says(self) -> Mapping[str, list[str]]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        told: Mapping[str, list[str]] = json.loads(self.process.stdout.readline())
        return told

    @contextmanager
    def changed(self, change: Change) -> Iterator[None]:
        file = self.copy / change.file
        before = file.read_text(encoding="utf-8")
        file.write_text(change.text, encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(before, encoding="utf-8")


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with seeded_copy(None) as copy:
        # Without bytecode: a file that is changed twice in a second, to the same size, would be taken for the first one.
        alone = environment(copy) | {"PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "tests.unit.probes.source.facts_checker"]
        with subprocess.Popen(command, cwd=copy, env=alone, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            yield Judge(copy, process)
            assert process.stdin
            process.stdin.close()


def test_unchanged_all_agree(judge: Judge) -> None:
    assert judge.says() == {}


@pytest.mark.parametrize(("fact", "number"), CASES, ids=[f"{fact}-{number}" for fact, number in CASES])
def test_a_fact_changed_at_one_place_is_a_finding_of_this_fact_alone(fact: str, number: int, judge: Judge) -> None:
    row = facts.facts()[fact]
    place, home = row["places"][number], facts.read(judge.copy, row["places"][0])
    said = facts.read(judge.copy, place)
    stated = [one for one in changes(judge.copy, place) if not row.get("more") or one.was in home.values]
    assert {one.was.lower() if place.get("lower") else one.was for one in stated} == set(home.values), "not all that is read was changed"
    for change in stated:
        with judge.changed(change):
            told = judge.says()
        assert fact in told, f"{change.was} in {change.file}"
        assert set(told) - {fact} <= _named_by(change.was)
        assert number == 0 or f"{fact} in {said.location}" in told[fact]


def _named_by(was: str) -> set[str]:
    """Give the facts that are looked up by a name: where the name is another they cannot be read, which is a finding as well."""
    name = re.compile(rf"\b{re.escape(was)}\b", re.IGNORECASE)
    return {fact for fact, row in facts.facts().items() if "_" in was and any(name.search(str(place)) for place in row["places"])}


def compare(*said: tuple[str, ...]) -> None:
    stated = [Statement(f"place {number}", values) for number, values in enumerate(said)]
    steps.all_state_the_same("database tables", stated, Observe("", lambda _: None))


def test_the_last_place_is_compared_as_well() -> None:
    compare(("a",), ("a",), ("a",))
    with pytest.raises(Finding, match="tables in place 2"):
        compare(("a",), ("a",), ("b",))


def test_a_place_that_says_more_than_the_home_is_a_finding() -> None:
    with pytest.raises(Finding, match="tables in place 1"):
        compare(("a",), ("a", "b"))


@pytest.mark.parametrize("places", [[], [{"file": "a", "path": "b"}], 2 * [{"file": "a", "path": "b"}]], ids=["none", "one", "one twice"])
def test_a_fact_without_two_places_is_refused(places: list[Any], tmp_path: Path) -> None:
    table = tmp_path / "facts.toml"
    written = ", ".join(f'{{ file = "{place["file"]}", path = "{place["path"]}" }}' for place in places)
    table.write_text(f'[[fact]]\nname = "lonely"\nplaces = [{written}]\n', encoding="utf-8")
    with pytest.raises(HarnessError, match="«lonely» does not have two different places"):
        facts.facts(table)


def test_two_facts_of_one_name_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "facts.toml"
    table.write_text(2 * '[[fact]]\nname = "twin"\nplaces = [{ file = "a" }, { file = "b" }]\n', encoding="utf-8")
    with pytest.raises(HarnessError, match="«twin» is there twice"):
        facts.facts(table)
