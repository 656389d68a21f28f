"""From the scenarios of a checkpoint to its verdict."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from validation.core.settings import highest
from validation.record.events import Observed
from validation.record.scenario import Scenario
from validation.registry.checkpoints import Checkpoint


class Verdict(StrEnum):
    """The verdict on one checkpoint."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    NOT_PROVEN = "NOT PROVEN"
    WAIVED = "WAIVED"


@dataclass(frozen=True, slots=True)
class CheckpointResult:
    """One checkpoint with its verdict and the scenarios behind it.

    Attributes:
        checkpoint: the entry of the registry.
        verdict: PASSED, FAILED, NOT PROVEN or WAIVED.
        reason: why it is not PASSED; empty when it is.
        proven_at: the highest fidelity at which a scenario passed; empty for none.
        unchecked_at: the fidelities that the checkpoint names and this target lacks.
        scenarios: its scenarios in this run.
        waived_by: what its waivers say; empty without one. A waiver that does not apply is named here, too.
    """

    checkpoint: Checkpoint
    verdict: Verdict
    reason: str
    proven_at: str
    unchecked_at: tuple[str, ...]
    scenarios: tuple[Scenario, ...]
    waived_by: str = ""

    @property
    def lacks(self) -> tuple[str, ...]:
        """The fidelities that the checkpoint names and at which no scenario passed. An image runs the system, too."""
        proven = {s.fidelity for s in self.scenarios if s.outcome == "passed"}
        return tuple(n for n in self.checkpoint.needs if not proven & ({n, "image"} if n == "local" else {n}))

    @property
    def findings(self) -> tuple[Observed, ...]:
        """The wrong observations of all its scenarios."""
        return tuple(o for s in self.scenarios for o in s.wrong)

    @property
    def observations(self) -> int:
        """The number of facts that were compared."""
        return sum(len(s.observations) for s in self.scenarios)

    @property
    def seconds(self) -> float:
        """The total duration of its scenarios, in seconds."""
        return sum(s.seconds for s in self.scenarios)

    @property
    def open_points(self) -> tuple[str, ...]:
        """What stands between this checkpoint and PASSED, by the names that waivers use; none if it is PASSED."""
        return tuple(dict.fromkeys(self._open_points()))

    def _open_points(self) -> Iterator[str]:
        if self.verdict is Verdict.PASSED:
            return
        if not self.scenarios:
            yield NOT_PROVEN
        for scenario in self.scenarios:
            if scenario.outcome == "failed":
                yield from (observed.subject for observed in scenario.wrong)
            elif scenario.outcome != "passed":
                yield f"{NOT_PROVEN}: {scenario.name}"


NOT_PROVEN = "not proven"
"""Begins the open points that are not findings. The name of a scenario follows, if there is one."""


def result_of(checkpoint: Checkpoint, scenarios: list[Scenario], shows: frozenset[str]) -> CheckpointResult:
    """Return the result of a checkpoint without its waivers.

    Args:
        checkpoint: the entry of the registry.
        scenarios: its scenarios in the run.
        shows: the fidelities of the target.
    """
    proven_at = highest(s.fidelity for s in scenarios if s.outcome == "passed" and s.fidelity)
    unchecked_at = tuple(n for n in checkpoint.needs if n not in shows)
    passed = CheckpointResult(checkpoint, Verdict.PASSED, "", proven_at, unchecked_at, tuple(scenarios))
    wrong = [s for s in scenarios if s.outcome == "failed"]
    unproven = [s for s in scenarios if s.outcome not in ("passed", "failed")]
    if wrong:
        return replace(passed, verdict=Verdict.FAILED, reason=f"{wrong[0].name}: {_first_line(wrong[0].reason)}")
    if unproven:
        return replace(passed, verdict=Verdict.NOT_PROVEN, reason=f"{unproven[0].name}: {_first_line(unproven[0].reason)}")
    if not scenarios:
        needs_other_target = len(unchecked_at) == len(checkpoint.needs)
        reason = f"It needs {_NEEDS[unchecked_at[0]]}" if needs_other_target else "None of its scenarios ran."
        return replace(passed, verdict=Verdict.NOT_PROVEN, reason=reason)
    return passed


_NEEDS = {
    "files": "the source files.",
    "local": "a running system.",
    "image": "a container image, which this target does not have.",
    "cluster": "a Kubernetes cluster, which this target does not have.",
}


def _first_line(reason: str) -> str:
    return reason.strip().split("\n", 1)[0][:300]
