"""The state of a pytest session that several parts of the plugin share, as keys of pytest's stash."""

from collections import deque
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytest_bdd.parser import Feature, Scenario, Step

from validation.core.errors import HarnessError
from validation.core.exchanges import Exchange
from validation.core.settings import RunSettings
from validation.probes.running.host import Watch
from validation.record.evidence import Evidence
from validation.record.observe import Observe
from validation.record.recorder import Recorder
from validation.registry.durations import Share
from validation.targets.launching import LaunchingTarget

SETTINGS = pytest.StashKey[RunSettings]()
"""Of the session: the settings of the run."""
SHARE = pytest.StashKey[Share]()
"""Of the session: what this shard runs. Absent for plain pytest, which runs everything."""
RECORDER = pytest.StashKey[Recorder]()
"""Of the session: its record. Absent until `execute` or the first collected scenario opens one."""
FAILED = pytest.StashKey[set[str]]()
"""Of the session: the ids of the checkpoints with a finding."""
WATCH = pytest.StashKey[Watch]()
"""Of the session: what tells whether others saturate this machine. Absent until the first scenario."""
EVIDENCE = pytest.StashKey[Evidence]()
"""Of the session: the files of its run. Absent until the first scenario."""
TARGET = pytest.StashKey[LaunchingTarget]()
"""Of the session: the running target. Absent until a scenario uses it."""
OBSERVE = pytest.StashKey[Observe]()
"""Of an item: its `observe`. Absent until the scenario has started."""
OUTCOME = pytest.StashKey[tuple[str, str, float]]()
"""Of an item: outcome, reason and seconds so far."""
BACKGROUND = pytest.StashKey[float]()
"""Of an item: seconds of work in the background that was done for it, less those that it waited for the result."""
WAITS = pytest.StashKey[tuple[float, int]]()
"""Of an item: when the scenario started, `waiting.paused_seconds` and the number of `waiting.waits_in_vain`."""
EXCHANGES = pytest.StashKey[deque[Exchange]]()
"""Of an item: its latest requests and responses."""
LOG_SIZES = pytest.StashKey[dict[Path, int]]()
"""Of an item: the size of each log when the scenario started, in bytes."""
MOMENT = pytest.StashKey[dict[str, str]]()
"""Of an item: what was kept when it failed, by what it is, or why not. Absent until then."""


@dataclass
class Progress:
    """The steps of a scenario, and which one runs."""

    feature: Feature
    scenario: Scenario
    current: Step | None = None


PROGRESS = pytest.StashKey[Progress]()
"""Of an item: how far it has come. Absent until the scenario has started."""


def recorder_of(config: pytest.Config) -> Recorder:
    """Return the session's recorder.

    Raises:
        HarnessError: the session has none.
    """
    if RECORDER not in config.stash:
        raise HarnessError("This session has no record to write to.")
    return config.stash[RECORDER]


def evidence_of(config: pytest.Config) -> Evidence:
    """Return the files of the session's run."""
    if EVIDENCE not in config.stash:
        settings = config.stash[SETTINGS]
        evidence = Evidence(settings.folder, recorder_of(config).emit)
        evidence.hide(settings.api_url, settings.redis_url, settings.database_url)
        config.stash[EVIDENCE] = evidence
    return config.stash[EVIDENCE]
