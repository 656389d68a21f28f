"""A fact changed at any one of its places is a finding of 1.3, about this fact and no other."""

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

REFUSED = {"consumer/streamName", "redis/durability"}
"""Values of which the chart refuses any other, and then nothing is rendered."""
RENDERED = {fact for fact, row in facts.facts().items() if any("rendered" in place for place in row["places"])}


@dataclass
class Checker:
    """Runs 1.3 in a copy of the project, with the code of the copy."""

    copy: Path
    process: "subprocess.Popen[str]"

    def inconsistent(self) -> Mapping[str, list[str]]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer: Mapping[str, list[str]] = json.loads(self.process.stdout.readline())
        return answer

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
def checker() -> Iterator[Checker]:
    with seeded_copy(None) as copy:
        # Without bytecode: Python would not notice a second change of a file to the same size within one second.
        env = environment(copy) | {"PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "tests.unit.probes.source.facts_checker"]
        with subprocess.Popen(command, cwd=copy, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            yield Checker(copy, process)
            assert process.stdin
            process.stdin.close()


def test_the_facts_are_consistent(checker: Checker) -> None:
    assert checker.inconsistent() == {}


@pytest.mark.parametrize(("fact", "number"), CASES, ids=[f"{fact}-{number}" for fact, number in CASES])
def test_a_fact_changed_at_one_place_is_a_finding_of_this_fact_only(fact: str, number: int, checker: Checker) -> None:
    row = facts.facts()[fact]
    place, home = row["places"][number], facts.read(checker.copy, row["places"][0])
    statement = facts.read(checker.copy, place)
    stated = [one for one in changes(checker.copy, place) if not row.get("more") or one.before in home.values]
    assert {one.before.lower() if place.get("lower") else one.before for one in stated} == set(home.values), "a value was not changed"
    for change in stated:
        with checker.changed(change):
            found = checker.inconsistent()
        assert fact in found, f"{change.before} in {change.file}"
        assert set(found) - {fact} <= _looked_up_by(change.before) | (RENDERED if place.get("path") in REFUSED else set())
        assert number == 0 or f"{fact} in {statement.location}" in found[fact]


def _looked_up_by(name: str) -> set[str]:
    """Return the facts whose places are looked up by a name. Without the name they cannot be read, which is a finding too."""
    word = re.compile(rf"\b{re.escape(name)}\b", re.IGNORECASE)
    return {fact for fact, row in facts.facts().items() if "_" in name and any(word.search(str(place)) for place in row["places"])}


def compare(*stated: tuple[str, ...]) -> None:
    statements = [Statement(f"place {number}", values) for number, values in enumerate(stated)]
    steps.all_state_the_same("database tables", statements, Observe("", lambda _: None))


def test_the_last_place_is_compared() -> None:
    compare(("a",), ("a",), ("a",))
    with pytest.raises(Finding, match="tables in place 2"):
        compare(("a",), ("a",), ("b",))


def test_a_place_with_an_extra_value_is_a_finding() -> None:
    with pytest.raises(Finding, match="tables in place 1"):
        compare(("a",), ("a", "b"))


@pytest.mark.parametrize("places", [[], [{"file": "a", "path": "b"}], 2 * [{"file": "a", "path": "b"}]], ids=["none", "one", "one twice"])
def test_a_fact_without_two_places_is_rejected(places: list[Any], tmp_path: Path) -> None:
    table = tmp_path / "facts.toml"
    written = ", ".join(f'{{ file = "{place["file"]}", path = "{place["path"]}" }}' for place in places)
    table.write_text(f'[[fact]]\nname = "lonely"\nplaces = [{written}]\n', encoding="utf-8")
    with pytest.raises(HarnessError, match='"lonely" does not have two different places'):
        facts.facts(table)


def test_two_facts_with_one_name_are_rejected(tmp_path: Path) -> None:
    table = tmp_path / "facts.toml"
    table.write_text(2 * '[[fact]]\nname = "twin"\nplaces = [{ file = "a" }, { file = "b" }]\n', encoding="utf-8")
    with pytest.raises(HarnessError, match='Two facts have the name "twin"'):
        facts.facts(table)
