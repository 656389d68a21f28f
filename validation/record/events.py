"""The events of a run: everything that a report says is derived from these.

Each event is one JSON object, named by its `event` field. `recorder.py` writes and reads them.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

TEXT_MAX = 2000
"""Longest text of the system that a record holds, in characters."""
COLLECTIONS = (tuple, list, set, frozenset, dict)
"""Collections that read better as "none" when they are empty."""


class RunStarted(msgspec.Struct, tag="run_started", tag_field="event", frozen=True):
    """The run's settings, machine and versions.

    `self_tested` maps each checkpoint that a seeded defect has turned red to whether that was with this exact source.
    """

    run: str
    target: str
    started: str
    scope: list[str]
    flags: list[str]
    machine: dict[str, str]
    versions: dict[str, str]
    waivers: list[dict[str, str]]
    self_tested: dict[str, bool] = {}


class Planned(msgspec.Struct, tag="scenario_planned", tag_field="event", frozen=True):
    """A scenario that is about to run, so that an interrupted run cannot pass on the scenarios it happened to finish."""

    scenario: str
    name: str
    checkpoints: list[str]
    feature: str


class Started(msgspec.Struct, tag="scenario_started", tag_field="event", frozen=True):
    """The start of a scenario."""

    scenario: str
    name: str
    checkpoints: list[str]
    feature: str


class Observed(msgspec.Struct, tag="observation", tag_field="event", frozen=True):
    """One fact, compared with the protocol."""

    scenario: str
    step: str
    subject: str
    expected: str
    observed: str
    ok: bool
    evidence: str = ""
    remedy: str = ""


class Finished(msgspec.Struct, tag="scenario_finished", tag_field="event", frozen=True):
    """The end of a scenario.

    `outcome` is `passed`, `failed` (a Finding), `not_proven` (nothing could be observed) or `error` (the harness failed).
    """

    scenario: str
    outcome: str
    reason: str
    seconds: float
    fidelity: str


class Measured(msgspec.Struct, tag="measurement", tag_field="event", frozen=True):
    """A number about the run or the system, with its unit."""

    name: str
    value: float
    unit: str


class HarnessFailed(msgspec.Struct, tag="harness_error", tag_field="event", frozen=True):
    """The harness failed outside any scenario, or could not clean up."""

    what: str


class Snapshot(msgspec.Struct, tag="snapshot", tag_field="event", frozen=True):
    """The state of a cluster when a scenario failed: files, as paths relative to the run's folder."""

    scenario: str
    files: list[str]


class RunFinished(msgspec.Struct, tag="run_finished", tag_field="event", frozen=True):
    """The last event of a complete run."""

    seconds: float


Event: TypeAlias = RunStarted | Planned | Started | Observed | Finished | Measured | HarnessFailed | Snapshot | RunFinished
Listener: TypeAlias = Callable[[Event], None]


def text(value: Any) -> str:
    """Return a value as readable text of at most `TEXT_MAX` characters; "none" for an empty collection."""
    if isinstance(value, COLLECTIONS) and not value:
        return "none"
    written = (value if isinstance(value, str) else repr(value)).encode("utf-8", "backslashreplace").decode()
    return written if len(written) <= TEXT_MAX else f"{written[: TEXT_MAX - 40]}… ({len(written)} characters)"
