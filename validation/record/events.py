"""The events of a run: everything that a report says is derived from these.

Each event is one JSON object, named by its `event` field. `recorder.py` writes and reads them.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from validation.core.readable import readable
from validation.record.last_release import LastRelease
from validation.record.subject import Subject

TEXT_MAX = 2000
"""Longest text of the system that a record holds, in characters."""


class KnownProof(msgspec.Struct, frozen=True):
    """A seeded defect that checkpoints have caught: proof that they can fail.

    Attributes:
        finding: what they found.
        at: when, in UTC.
        stale: whether something that the proof rests on has changed since.
    """

    defect: str
    title: str
    checkpoints: list[str]
    finding: str
    at: str
    stale: bool


class RunStarted(msgspec.Struct, tag="run_started", tag_field="event", frozen=True):
    """The run's settings, machine and versions.

    Attributes:
        scope: the ids of the chosen checkpoints.
        flags: the options that shaped the run, without the selection of checkpoints.
        proofs: what is known of the seeded defects that the checkpoints in scope have caught.
        command: what ran the scenarios: `votecheck run` or `pytest`.
        fault_minutes: duration of random fault injection, in minutes.
        seed: seed of the random faults.
        scenarios: names of the only scenarios that ran; empty: all of the chosen checkpoints.
        selection: the options that chose the checkpoints and scenarios.
        shard: which part of the scenarios ran, for example `2/4`; empty: all.
        subject: what the run validates, as far as files say it.
    """

    run: str
    target: str
    started: str
    scope: list[str]
    flags: list[str]
    machine: dict[str, str]
    versions: dict[str, str]
    waivers: list[dict[str, str]]
    proofs: list[KnownProof] = []
    command: str = "votecheck run"
    fault_minutes: float = 0.25
    seed: int = 0
    scenarios: list[str] = []
    selection: list[str] = []
    shard: str = ""
    subject: Subject | None = None


class SubjectSeen(msgspec.Struct, tag="subject_seen", tag_field="event", frozen=True):
    """What the run validates, looked at again: once a target runs, before it stops, and at the end of the run."""

    subject: Subject


class Required(msgspec.Struct, tag="scenario_required", tag_field="event", frozen=True):
    """A scenario that the features contain for the checkpoints in scope, with its number of rows.

    It is read from the feature files and not from pytest's collection, so that no option of pytest can make a run smaller unnoticed.

    Attributes:
        here: how many of its rows fall to this shard; None: the run is not a shard.
    """

    feature: str
    name: str
    checkpoints: list[str]
    rows: int
    here: int | None = None


class Planned(msgspec.Struct, tag="scenario_planned", tag_field="event", frozen=True):
    """A scenario that is about to run, so that an interrupted run cannot pass on the scenarios it happened to finish.

    Attributes:
        row: its row of Examples; empty without one.
        template: its name in the feature, with the placeholders of the row; empty: `name`.
    """

    scenario: str
    name: str
    checkpoints: list[str]
    feature: str
    row: dict[str, str] = {}
    template: str = ""


class Started(msgspec.Struct, tag="scenario_started", tag_field="event", frozen=True):
    """The start of a scenario; `row` and `template` as in `Planned`; `at` in seconds since the epoch, 0 if it is not known."""

    scenario: str
    name: str
    checkpoints: list[str]
    feature: str
    row: dict[str, str] = {}
    template: str = ""
    at: float = 0.0


class Observed(msgspec.Struct, tag="observation", tag_field="event", frozen=True):
    """One fact, compared with the protocol.

    Attributes:
        input: what the scenario gave to the system, if the fact is wrong.
        machine: what others did to this machine, if nothing but a time limit was missed while they saturated it. It then proves nothing.
        file: the file of the source that a wrong fact is about, relative to the source, with `:line` if that is known; empty for none.
        files: `expected`, `observed`, `evidence` or `input` → SHA-256 of the file that holds it in full, if it is cut here. `picture`:
            that of a picture.
    """

    scenario: str
    step: str
    subject: str
    expected: str
    observed: str
    ok: bool
    evidence: str = ""
    remedy: str = ""
    input: str = ""
    machine: str = ""
    file: str = ""
    files: dict[str, str] = {}


class Finished(msgspec.Struct, tag="scenario_finished", tag_field="event", frozen=True):
    """The end of a scenario.

    `outcome` is `passed`, `failed` (a Finding), `not_proven` (nothing could be observed) or `error` (the harness failed). `seconds` counts
    the work that was done for it in the background, such as its fault, instead of the time that it waited for that.
    `at` is in seconds since the epoch, 0 if it is not known. `paused` are the seconds between two looks at something that was waited for,
    and `in_vain` the waits that ended at their limit.
    """

    scenario: str
    outcome: str
    reason: str
    seconds: float
    fidelity: str
    at: float = 0.0
    paused: float = 0.0
    in_vain: list[str] = []


class ProcessorsUsed(msgspec.Struct, tag="processors_used", tag_field="event", frozen=True):
    """How busy all processors of this machine were, as shares: in intervals of `every` seconds from `began`, seconds since the epoch."""

    began: float
    every: float
    busy: list[float]


class Measured(msgspec.Struct, tag="measurement", tag_field="event", frozen=True):
    """A number about the run or the system, with its unit."""

    name: str
    value: float
    unit: str


class HarnessFailed(msgspec.Struct, tag="harness_error", tag_field="event", frozen=True):
    """The harness failed outside any scenario, or could not clean up."""

    what: str


class Snapshot(msgspec.Struct, tag="snapshot", tag_field="event", frozen=True):
    """The state of a cluster when a scenario failed: files, as paths relative to the run's folder.

    Attributes:
        digests: path → SHA-256 of each file.
    """

    scenario: str
    files: list[str]
    digests: dict[str, str] = {}


class Moment(msgspec.Struct, tag="moment", tag_field="event", frozen=True):
    """What was kept when a scenario failed: its requests and responses, stream entries, rows, and log lines.

    Attributes:
        files: what it is → SHA-256 of its file.
        problems: what could not be kept, and why, one sentence each.
    """

    scenario: str
    files: dict[str, str]
    problems: list[str] = []


class EvidenceLimited(msgspec.Struct, tag="evidence_limited", tag_field="event", frozen=True):
    """Evidence that was not kept in full so far. The last of these events counts.

    Attributes:
        left_out: texts that were not kept because the run's bound was reached.
        cut: texts of which only the beginning was kept.
        failed: texts that could not be written.
        why: the error of the last of these.
    """

    left_out: int
    cut: int
    failed: int
    why: str = ""


class EarlierVerdict(msgspec.Struct, tag="earlier_verdict", tag_field="event", frozen=True):
    """What an earlier run of the same files on the same kind of target observed: PASSED or FAILED.

    Attributes:
        images: the images of that run, by name.
    """

    checkpoint: str
    run: str
    verdict: str
    images: dict[str, str] = {}


class ShardMerged(msgspec.Struct, tag="shard_merged", tag_field="event", frozen=True):
    """A shard whose events follow in this record. Its own record is kept beside this one.

    Attributes:
        shard: which part it was, for example `2/4`.
        seal: the last seal of its own record: a digest of every line of it.
        lines: how many lines that record has.
    """

    shard: str
    run: str
    started: str
    seconds: float
    machine: dict[str, str]
    seal: str
    lines: int


class RunFinished(msgspec.Struct, tag="run_finished", tag_field="event", frozen=True):
    """The last event of a complete run."""

    seconds: float


Event: TypeAlias = (
    RunStarted
    | SubjectSeen
    | Required
    | Planned
    | Started
    | Observed
    | Finished
    | Measured
    | ProcessorsUsed
    | HarnessFailed
    | Snapshot
    | Moment
    | EvidenceLimited
    | EarlierVerdict
    | LastRelease
    | ShardMerged
    | RunFinished
)
Listener: TypeAlias = Callable[[Event], None]


def text(value: Any) -> str:
    """Return a value as readable text of at most `TEXT_MAX` characters, without the syntax of Python."""
    return cut(whole(value))


def whole(value: Any) -> str:
    """Return a value as readable text, without the syntax of Python."""
    return (value if isinstance(value, str) else readable(value)).encode("utf-8", "backslashreplace").decode()


def cut(written: str) -> str:
    """Return the beginning of a text, with its length if it has more than `TEXT_MAX` characters."""
    return written if len(written) <= TEXT_MAX else f"{written[: TEXT_MAX - 40]}… ({len(written)} characters)"
