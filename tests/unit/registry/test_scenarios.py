"""No scenario disappears unnoticed: each is listed beside the registry, and a run misses what is listed and not written."""

import os
from pathlib import Path

import pytest

from validation.core.settings import PROJECT, RunSettings
from validation.probes.source import scenarios as written
from validation.pytest_plugin.requirements import required, rows_of
from validation.registry.scenarios import LISTED, as_toml, extended, listed, missing

REGENERATE = os.environ.get("VOTECHECK_REGENERATE") == "1"
FEATURE = """
@phase_6
Feature: F

  @cp_6_1
  Rule: R

    Scenario: One
      Then it is right

    Scenario Outline: <colour>
      Then it is right

      Examples:
        | colour |
        | red    |
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "a.feature").write_text(FEATURE, encoding="utf-8")
    (tmp_path / LISTED).parent.mkdir(parents=True)
    return tmp_path


def put(project: Path, **names: int) -> None:
    (project / LISTED).write_text(as_toml({"6.1": names}), encoding="utf-8")


def test_every_listed_scenario_is_written() -> None:
    assert list(missing(listed(PROJECT), rows_of(written.read(PROJECT)))) == [], "deleted on purpose? then remove it from the list, too"


def test_every_scenario_is_listed() -> None:
    of_features = rows_of(written.read(PROJECT))
    if REGENERATE:
        (PROJECT / LISTED).write_text(as_toml(extended(listed(PROJECT), of_features)), encoding="utf-8")
    assert list(missing(of_features, listed(PROJECT))) == [], "run again with VOTECHECK_REGENERATE=1"


def test_the_list_names_every_checkpoint() -> None:
    assert all(listed(PROJECT)[identifier] for identifier, names in rows_of(written.read(PROJECT)).items() if names)


@pytest.mark.parametrize(
    ("names", "due"),
    [
        ({"One": 1, "<colour>": 1}, []),
        ({"One": 1, "<colour>": 3}, [("<colour> (listed, 1 of 3 written)", 2)]),
        ({"One": 1, "<colour>": 1, "Two": 1}, [("Two (listed, 0 of 1 written)", 1)]),
    ],
)
def test_a_run_misses_what_is_listed_and_not_written(project: Path, names: dict[str, int], due: list[tuple[str, int]]) -> None:
    put(project, **names)
    found = list(required(project, RunSettings(), ["6.1"]))
    assert [(one.name, one.rows) for one in found if one.feature == str(LISTED)] == due
    assert [(one.name, one.rows) for one in found if one.feature != str(LISTED)] == [("One", 1), ("<colour>", 1)]


def test_a_run_of_other_checkpoints_or_scenarios_misses_nothing(project: Path) -> None:
    put(project, Two=1)
    assert [one.name for one in required(project, RunSettings(), ["6.2"])] == []
    assert [one.name for one in required(project, RunSettings(scenarios=("One",)), ["6.1"])] == ["One"]


def test_the_list_only_grows_by_itself() -> None:
    assert extended({"6.1": {"One": 3, "Gone": 1}}, {"6.1": {"One": 1, "New": 2}}) == {"6.1": {"One": 3, "Gone": 1, "New": 2}}


def test_any_name_can_be_listed(project: Path) -> None:
    put(project, **{'A "quoted" \\ name': 2})
    assert listed(project) == {"6.1": {'A "quoted" \\ name': 2}}
