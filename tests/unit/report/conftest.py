"""Records to build reports from, each written through the recorder, as in a run."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from validation.record.events import Event, Finished, HarnessFailed, Measured, Observed, RunFinished, RunStarted, Started
from validation.record.recorder import Recorder
from validation.registry.checkpoints import registry

SCRIPT = "<script>alert(1)</script>"
HOSTILE = f"{SCRIPT} [red]red[/red] \x1b[2J\x00 | ` & \u202e \ufffe end"


class Record:
    """Writes the record of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
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
        self_tested: dict[str, bool] | None = None,
    ) -> None:
        machine = {"system": "Linux 6.1", "cores": "2", "memory": "4 GiB"}
        versions = {"votecheck": "0.3.2", "pytest": "9.2.0"}
        self.emit(RunStarted(self.folder.name, target, started, scope, flags or [], machine, versions, waivers or [], self_tested or {}))

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
    ) -> None:
        """Write a scenario. A fact is (subject, expected, observed), and wrong if the last two differ."""
        identifier = f"features/test_features.py::{checkpoint}-{name}"
        self.emit(Started(identifier, name, [checkpoint], f"protocol/{checkpoint}.feature"))
        for subject, expected, observed in facts:
            self.emit(Observed(identifier, "Then it is right", subject, expected, observed, expected == observed, evidence, remedy))
        right = all(expected == observed for _, expected, observed in facts)
        fidelity = registry()[checkpoint].needs[0]
        self.emit(Finished(identifier, outcome or ("passed" if right else "failed"), reason, seconds, fidelity))

    def passes(self, *checkpoints: str) -> None:
        for checkpoint in checkpoints:
            self.scenario(checkpoint, ("status", "200", "200"))

    def measure(self, name: str, value: float, unit: str) -> None:
        self.emit(Measured(name, value, unit))

    def harness_error(self, what: str) -> None:
        self.emit(HarnessFailed(what))

    def end(self, seconds: float = 12.0) -> Path:
        """Finish the run and return its folder."""
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
    waiver = {"id": "5.4", "reason": "the proxy limits it", "owner": "release board", "expires": "2027-01-31"}
    record.start(["1.1", "2.1", "2.3", "5.1", "5.2", "5.3", "5.4", "6.1"], waivers=[waiver], flags=["--api-url", "$API_URL"])
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
