"""The scenarios that execute the line of a mutant run against it, the most specific and fastest first; the harness has tests."""

from pathlib import Path

import pytest

from validation.core.settings import PROJECT
from validation.defects.mutants import choosing
from validation.defects.mutants.choosing import Kills, imports, scenarios
from validation.defects.mutants.executed import Executed, Window
from validation.defects.mutants.mutant import Mutant

FILE = "system/api/percentages.py"
WINDOWS = [
    Window("slow", ["7.1"], 9.0),
    Window("fast", ["5.1"], 0.1),
    Window("elsewhere", ["5.2"], 0.1),
    Window("of the consumer", ["6.3"], 0.1),
    Window("of files", ["1.2"], 2.0),
    Window("did not pass", [], 0.1),
    Window("later", ["5.3"], 0.1),
]


def line_of(text: str, file: str = FILE) -> int:
    lines = (PROJECT / file).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def names(found: list[Window]) -> list[str]:
    return [one.name for one in found]


@pytest.fixture
def mutant() -> Mutant:
    return Mutant(FILE, line_of("return "), "", "", "", "")


def test_only_scenarios_that_execute_the_line_and_read_its_file_run(mutant: Mutant) -> None:
    executed = Executed(WINDOWS, {FILE: {mutant.line: [0, 1, 3, 5]}}, {FILE: {mutant.line: [6]}})
    assert names(scenarios(mutant, executed, Kills())) == ["fast", "slow", "later", "of files"]


def test_what_has_caught_mutants_of_the_file_comes_first(mutant: Mutant) -> None:
    executed = Executed(WINDOWS, {FILE: {mutant.line: [0, 1]}}, {})
    assert names(scenarios(mutant, executed, Kills({(FILE, "slow"): 40})))[0] == "slow"


def test_every_scenario_that_reads_a_file_that_is_not_traced_runs() -> None:
    found = names(scenarios(Mutant("chart/values.yaml", 1, "", "", "", ""), Executed(WINDOWS, {}, {}), Kills()))
    assert found == ["of files"]


def test_what_uses_a_constant_comes_first() -> None:
    file = "system/contract.py"
    constant = Mutant(file, line_of("STREAM", file), "", "", "", "")
    assert imports(constant)
    assert not imports(Mutant(FILE, line_of("return "), "", "", "", ""))


@pytest.mark.parametrize("seconds", [0.1, 30.0])
def test_the_tests_of_a_module_come_first_and_the_others_fill_the_time(seconds: float) -> None:
    file = "validation/core/collections.py"
    mutant = Mutant(file, line_of("return ", file), "", "", "", "")
    windows = [
        Window("tests/unit/cli/test_help.py::one", ["test"], 0.01),
        Window("tests/unit/core/test_collections.py::two", ["test"], seconds),
        Window("tests/unit/cli/test_help.py::three", ["test"], 30.0),
        Window("tests/unit/cli/test_help.py::failed", [], 0.01),
    ]
    found = names(choosing.tests(mutant, Executed(windows, {file: {mutant.line: [0, 1, 2, 3]}}, {}), Kills()))
    assert found[0].endswith("two")
    assert len(found) == (3 if seconds < 1 else 2)
    assert choosing.TESTS_SECONDS < 60


def test_the_path_of_tests_follows_the_module() -> None:
    assert Path("tests/unit/record/test_verdicts.py").is_file()
    assert choosing._of_module("validation/record/verdicts.py") == "record/test_verdicts"
