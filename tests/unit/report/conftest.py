"""Records to build reports from, each written through the recorder, as in a run."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.unit.record.subjects import SUBJECT
from validation.core.settings import TARGETS
from validation.record.events import (
    Event,
    Finished,
    HarnessFailed,
    KnownProof,
    Measured,
    Observed,
    RunFinished,
    RunStarted,
    Started,
    SubjectSeen,
)
from validation.record.recorder import Recorder
from validation.registry.checkpoints import registry

SCRIPT = "<script>alert(1)</script>"
HOSTILE = f"{SCRIPT} [red]red[/red] \x1b[2J\x00 | ` & \u202e \ufffe end"


def waiver(checkpoint: str, finding: str = "answer", expires: str = "2030-01-01", version: str = "0.3.2") -> dict[str, str]:
    return {"id": checkpoint, "finding": finding, "version": version, "reason": "known", "owner": "release board", "expires": expires}


def proof(defect: str, *checkpoints: str, stale: bool = False, finding: str = "status: expected 422, observed 201") -> KnownProof:
    return KnownProof(defect, f"Title of {defect}", list(checkpoints), finding, "2026-11-29T10:00:00+00:00", stale)


class Record:
    """Writes the record of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shows: frozenset[str] = frozenset()
        self._recorder = Recorder(folder / "results.jsonl")

    def emit(self, event: Event) -> None:
        self._recorder.emit(event)

    def start(  # noqa: PLR0913 - the settings of a run
        self,
        scope: list[str],
        *,
        target: str = "local",
        flags: list[str] | None = None,
        waivers: list[dict[str, str]] | None = None,
        started: str = "2026-11-23T09:30:00+00:00",
        proofs: Sequence[KnownProof] = (),
        command: str = "votecheck run",
        fault_minutes: float = 0.25,
    ) -> None:
        self.shows = TARGETS.get(target, frozenset())
        machine = {"system": "Linux 6.1", "cores": "2", "memory": "4 GiB"}
        versions = {"votecheck": "0.3.2", "pytest": "9.2.0"}
        run, asked, shaped = self.folder.name, (flags or [], machine, versions), (list(proofs), command, fault_minutes)
        self.emit(RunStarted(run, target, started, scope, *asked, waivers or [], *shaped, subject=SUBJECT))

    def scenario(  # noqa: PLR0913 - the parts of a scenario
        self,
        checkpoint: str,
        *facts: tuple[str, str, str],
        outcome: str = "",
        reason: str = "",
        seconds: float = 0.5,
        name: str = "It holds",
        evidence: str = "",
        remedy: str = "",
        fidelity: str = "",
        row: dict[str, str] | None = None,
        template: str = "",
        given: str = "",
    ) -> None:
        """Write a scenario. A fact is (subject, expected, observed), and wrong if the last two differ."""
        identifier = f"features/test_features.py::{checkpoint}-{name}"
        self.emit(Started(identifier, name, [checkpoint], f"protocol/{checkpoint}.feature", row or {}, template))
        for subject, expected, observed in facts:
            wrong = expected != observed
            fact = Observed(identifier, "Then it is right", subject, expected, observed, not wrong, evidence, remedy, given * wrong)
            self.emit(fact)
        right = all(expected == observed for _, expected, observed in facts)
        fidelity = fidelity or registry()[checkpoint].needs[0]
        self.emit(Finished(identifier, outcome or ("passed" if right else "failed"), reason, seconds, fidelity))

    def passes(self, *checkpoints: str) -> None:
        for checkpoint in checkpoints:
            for fidelity in filter(self.shows.__contains__, registry()[checkpoint].needs):
                self.scenario(checkpoint, ("status", "200", "200"), name=f"It holds at {fidelity}", fidelity=fidelity)

    def measure(self, name: str, value: float, unit: str) -> None:
        self.emit(Measured(name, value, unit))

    def harness_error(self, what: str) -> None:
        self.emit(HarnessFailed(what))

    def end(self, seconds: float = 12.0) -> Path:
        """Finish the run and return its folder."""
        self.emit(SubjectSeen(SUBJECT))
        self.emit(RunFinished(seconds))
        return self.cut_off()

    def cut_off(self) -> Path:
        """Stop writing, as a killed run does, and return the folder."""
        self._recorder.close()
        return self.folder


@pytest.fixture
def new_record(tmp_path: Path) -> Iterator[Callable[[str], Record]]:
    """Return a function that starts the record of a run with a given id."""
    made: list[Record] = []

    def new(name: str) -> Record:
        made.append(Record(tmp_path / "reports" / name))
        return made[-1]

    yield new
    for record in made:
        record.cut_off()


@pytest.fixture
def record(new_record: Callable[[str], Record]) -> Record:
    """The record of a run."""
    return new_record("20261123-093000-aaaa")


@pytest.fixture
def failed(record: Record) -> Path:
    """A run with every kind of result: passed, failed with hostile and huge text, not proven, harness error, waived, flaky."""
    record.start(
        ["1.1", "2.1", "2.3", "5.1", "5.2", "5.3", "5.4", "6.1"],
        waivers=[waiver("5.4", expires="2027-01-31")],
        flags=["--api-url", "$API_URL"],
    )
    record.passes("2.1")
    record.scenario("2.3", outcome="not_proven", reason="Skipped: [bold]no proxy[/bold]")
    record.scenario(
        "5.1",
        (HOSTILE, "201", HOSTILE),
        reason=HOSTILE,
        name=HOSTILE,
        evidence="x" * 10_000,
        remedy="compare system/contract.py with protocol.py",
    )
    record.scenario("5.2", outcome="error", reason="The harness failed: OSError: no sockets left")
    record.scenario("5.3", ("max-age", "600", "600"), outcome="error", reason="the first try")
    record.emit(Finished("features/test_features.py::5.3-It holds", "passed", "", 0.1, "local"))
    record.scenario("5.4", ("answer", "413", "200"), reason="answer: expected 413, observed 200")
    record.passes("6.1")
    record.measure("vote to result p50", 0.2134, "s")
    record.harness_error(f"Not cleaned up: {HOSTILE}")
    return record.end()


@pytest.fixture
def clean(new_record: Callable[[str], Record]) -> Path:
    """A run of all registered checkpoints that is GO."""
    record = new_record("20261122-093000-bbbb")
    record.start(list(registry()), target="cluster")
    record.passes(*registry())
    return record.end()
