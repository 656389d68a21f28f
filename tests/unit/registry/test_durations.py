"""The durations that shards are balanced by come from records, and are of scenarios that exist."""

import os
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from validation.core.settings import PROJECT, RunSettings
from validation.core.shards import Shard
from validation.probes.source import scenarios as written
from validation.pytest_plugin.requirements import feature_of, share_of
from validation.record.events import Finished, Planned
from validation.record.recorder import read
from validation.record.run_ids import RECORD
from validation.registry.checkpoints import registry
from validation.registry.durations import DURATIONS, Unit, as_toml, longest, recorded

REPORTS = os.environ.get("VOTECHECK_DURATIONS")
FEW = 0.1
UNITS = {(feature_of(one), name) for one in written.read(PROJECT) for name in one.names()}


def of_run(record: Path) -> Counter[Unit]:
    """Return the seconds of each unit that passed in a run."""
    seconds, planned = Counter[Unit](), dict[str, Planned]()
    for event in read(record):
        if isinstance(event, Planned):
            planned[event.scenario] = event
        elif isinstance(event, Finished) and event.outcome == "passed":
            seconds[planned[event.scenario].feature, planned[event.scenario].name] += event.seconds  # type: ignore[assignment]
    return seconds


def records() -> Iterator[Path]:
    yield from sorted(file for file in Path(REPORTS or "").glob(f"*/{RECORD}") if not file.parent.is_symlink())


def test_the_durations_are_of_scenarios_that_exist() -> None:
    if REPORTS:
        found = longest([recorded(PROJECT), *map(of_run, records())])
        text = as_toml({unit: seconds for unit, seconds in found.items() if unit in UNITS})
        (PROJECT / DURATIONS).write_text(text, encoding="utf-8")
    renamed = recorded(PROJECT).keys() - UNITS  # a few do no harm: they are of no use, and go with the next regeneration
    assert len(renamed) < FEW * len(UNITS), "of scenarios that were renamed or deleted: write the list again"


def test_most_scenarios_of_the_local_target_have_a_duration() -> None:
    share = share_of(PROJECT, RunSettings(shard=Shard(1, 1)), list(registry()))
    assert share
    assert len(share & recorded(PROJECT).keys()) > 0.8 * len(share)


@pytest.mark.parametrize("of", [2, 4])
def test_shards_take_about_the_same_time(of: int) -> None:
    known = recorded(PROJECT)
    parts = [share_of(PROJECT, RunSettings(shard=Shard(number, of)), list(registry())) or () for number in range(1, of + 1)]
    loads = [sum(known.get(unit, 0.0) for unit in part) for part in parts]
    whole = sum(loads)
    assert max(loads) <= max(whole / of * 1.1, max(known.values()) * 1.1)


def test_the_longest_duration_of_several_runs_counts() -> None:
    assert longest([{("a", "b"): 1.0, ("a", "c"): 3.0}, {("a", "b"): 2.0}]) == {("a", "b"): 2.0, ("a", "c"): 3.0}


def test_any_name_can_have_a_duration() -> None:
    durations = {("protocol/a.feature", 'A "quoted" \\ name'): 1.5, ("protocol/a.feature", "a\ttab\u202e"): 0.25}
    assert tomllib.loads(as_toml(durations)) == {"protocol/a.feature": {name: seconds for (_, name), seconds in durations.items()}}
