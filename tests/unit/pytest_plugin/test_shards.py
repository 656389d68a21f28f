"""Shards split the scenarios of a run: each runs in exactly one, and pytest collects what the record requires."""

import json
import subprocess
import sys
from collections import Counter

import pytest

from validation.core.environment import built
from validation.core.errors import UsageError
from validation.core.settings import PROJECT, SHIPPED_TARGETS, RunSettings
from validation.core.shards import Shard
from validation.pytest_plugin.requirements import required, share_of
from validation.registry.checkpoints import registry

SECONDS = 120.0
OF = 3
COLLECT = """
import json, sys
import pytest
from validation.core.settings import PROJECT, RunSettings
from validation.core.shards import Shard
from validation.pytest_plugin.items import template_name_of, unit_of
from validation.pytest_plugin.requirements import share_of
from validation.pytest_plugin.stash import SETTINGS, SHARE
from validation.registry.checkpoints import registry

class Collected:
    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config):
        settings = RunSettings(shard=Shard(int(sys.argv[1]), int(sys.argv[2])))
        config.stash[SETTINGS] = settings
        config.stash[SHARE] = share_of(PROJECT, settings, list(registry()))

    def pytest_collection_finish(self, session):
        print("COLLECTED", json.dumps([[unit_of(item)[0], template_name_of(item)] for item in session.items]))

options = ["--collect-only", "-q", "--disable-plugin-autoload", "-p", "pytest_bdd.plugin", "--assert=plain"]
pytest.main([str(PROJECT / "features"), "-c", str(PROJECT / "pyproject.toml"), *options], plugins=[Collected()])
"""


def shares(of: int, *scope: str, target: str = "local") -> list[frozenset[tuple[str, str]]]:
    settings = [RunSettings(target=target, shard=Shard(number, of)) for number in range(1, of + 1)]
    return [share_of(PROJECT, one, scope or list(registry())) or frozenset() for one in settings]


@pytest.mark.parametrize("target", SHIPPED_TARGETS)
def test_each_scenario_is_in_exactly_one_shard(target: str) -> None:
    parts = shares(OF, target=target)
    whole = list(required(PROJECT, RunSettings(target=target), list(registry())))
    assert set(Counter(unit for part in parts for unit in part).values()) == {1}
    of_shards = [
        list(required(PROJECT, RunSettings(target=target, shard=Shard(number, OF)), list(registry()), part))
        for number, part in enumerate(parts, 1)
    ]
    assert [[(one.feature, one.name, one.rows) for one in part] for part in of_shards] == [
        [(one.feature, one.name, one.rows) for one in whole]
    ] * OF
    assert [sum(one.here or 0 for one in rows) for rows in zip(*of_shards, strict=True)] == [one.rows for one in whole]


def test_pytest_collects_what_the_record_of_a_shard_requires() -> None:
    collected = []
    for number in (1, OF):
        ran = subprocess.run(
            [sys.executable, "-c", COLLECT, str(number), str(OF)], cwd=PROJECT, env=built(PYTHONPATH=str(PROJECT)), capture_output=True,
            text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
        line = next(line for line in ran.stdout.splitlines() if line.startswith("COLLECTED "))
        collected.append(sorted(map(tuple, json.loads(line.removeprefix("COLLECTED ")))))
        settings = RunSettings(shard=Shard(number, OF))
        found = required(PROJECT, settings, list(registry()), share_of(PROJECT, settings, list(registry())))
        assert collected[-1] == sorted((one.feature, one.name) for one in found for _ in range(one.here or 0))
    assert collected[0] != collected[1]


def test_one_checkpoint_can_be_split() -> None:
    assert all(shares(2, "5.1"))


def test_more_shards_than_scenarios_are_refused() -> None:
    with pytest.raises(UsageError, match=r"--shard 1/99 leaves a shard without a scenario: there are \d+ to share"):
        share_of(PROJECT, RunSettings(shard=Shard(1, 99)), ["4.2"])


def test_a_run_without_shards_has_no_share() -> None:
    assert share_of(PROJECT, RunSettings(), ["4.2"]) is None
    assert all(one.here is None for one in required(PROJECT, RunSettings(), ["4.2"]))
