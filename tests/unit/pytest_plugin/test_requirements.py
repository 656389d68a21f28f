"""The scenarios of a run come from the features. What pytest leaves out, for whatever reason, is not proven."""

import json
import subprocess
import sys

import pytest

from tests.unit.pytest_plugin.conftest import RIGHT, RunFeature, not_proven
from validation.core.environment import built
from validation.core.settings import PROJECT, SHIPPED_TARGETS, RunSettings
from validation.pytest_plugin.requirements import required, split
from validation.record.events import Required
from validation.record.results import Verdict
from validation.registry.checkpoints import registry

SECONDS = 120.0
OUTLINE = """
Scenario Outline: <colour> is right
  Then it is right

  Examples:
    | colour |
    | green  |
    | blue   |
"""
LEFT_OUT = "1 of 2 were planned: something outside votecheck left out the rest."
COLLECT = """
import json, sys
import pytest
from validation.core.settings import PROJECT, RunSettings
from validation.pytest_plugin.items import template_of
from validation.pytest_plugin.stash import SETTINGS

class Collected:
    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config):
        config.stash[SETTINGS] = RunSettings(target=sys.argv[1], quick=sys.argv[2] == "quick")

    def pytest_collection_finish(self, session):
        of = [template_of(item) for item in session.items]
        print("COLLECTED", json.dumps([[one.feature.rel_filename, one.name] for one in of]))

options = ["--collect-only", "-q", "--disable-plugin-autoload", "-p", "pytest_bdd.plugin", "--assert=plain"]
pytest.main([str(PROJECT / "features"), "-c", str(PROJECT / "pyproject.toml"), *options], plugins=[Collected()])
"""


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_each_unit_runs_in_one_process(processes: int) -> None:
    parts = split(PROJECT, RunSettings(processes=processes), [*registry()], None)
    everything = [unit for part in parts for unit in part or ()]
    assert len(parts) == processes
    assert len(everything) == len(set(everything)) > 0


def test_a_row_that_was_left_out_is_not_proven(run_feature: RunFeature) -> None:
    not_proven(run_feature(OUTLINE, conftest="def pytest_collection_modifyitems(items):\n    del items[1:]"), LEFT_OUT)


def test_a_scenario_that_was_left_out_is_not_proven(run_feature: RunFeature) -> None:
    ended = run_feature(
        RIGHT + "\nScenario: T\n  Then it is wrong", conftest="def pytest_collection_modifyitems(items):\n    del items[1:]"
    )
    not_proven(ended, "T: 0 of 1 were planned")


def test_a_wrong_observation_still_fails_when_others_were_left_out(run_feature: RunFeature) -> None:
    ended = run_feature(
        "Scenario: T\n  Then it is wrong\n" + RIGHT, conftest="def pytest_collection_modifyitems(items):\n    del items[1:]"
    )
    assert ended.checkpoint.verdict is Verdict.FAILED


def test_scenarios_that_share_a_name_are_not_proven(run_feature: RunFeature) -> None:
    not_proven(run_feature("Scenario: S\n  Then it is wrong\n\nScenario: S\n  Then it is right"), "S: 1 of 2 were planned")


def test_a_record_names_what_its_features_contain(run_feature: RunFeature) -> None:
    assert run_feature(OUTLINE).checkpoint.verdict is Verdict.PASSED


@pytest.mark.parametrize("speed", ["quick", "thorough"])
@pytest.mark.parametrize("target", SHIPPED_TARGETS)
def test_the_features_contain_exactly_what_pytest_collects(target: str, speed: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", COLLECT, target, speed], cwd=PROJECT, env=built(PYTHONPATH=str(PROJECT)), capture_output=True, text=True,
        timeout=SECONDS, check=False,
    )  # fmt: skip
    line = next(line for line in ran.stdout.splitlines() if line.startswith("COLLECTED "))
    collected = sorted(map(tuple, json.loads(line.removeprefix("COLLECTED "))))
    found = list(required(PROJECT, RunSettings(target=target, quick=speed == "quick"), list(registry())))
    assert collected == sorted((one.feature, one.name) for one in found for _ in range(one.rows))
    assert all(isinstance(one, Required) and one.checkpoints for one in found)
