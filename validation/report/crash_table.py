"""The table of a crash sweep, read from the record of a run: crash point, command, result and recovery time."""

from dataclasses import dataclass

from validation.faults.proxy import crashes
from validation.faults.proxy.crashes import NOT_REACHED, OK, Crash
from validation.record.events import Observed
from validation.record.results import CheckpointResult
from validation.record.scenario import Scenario
from validation.report.text import counted, duration


@dataclass(frozen=True, slots=True)
class CrashPoint:
    """One crash point of a sweep, with its crashes."""

    name: str
    crashes: tuple[Crash, ...]

    @property
    def command(self) -> str:
        """The command at which the crashes took effect, and how many did."""
        reached = [crash for crash in self.crashes if crash.reached]
        command = reached[0].witness.partition(",")[0] if reached else "none"
        return f"{command} ({len(reached)} of {len(self.crashes)})"

    @property
    def wrong(self) -> int:
        """The number of crashes after which something was wrong."""
        return sum(crash.reached and not crash.ok for crash in self.crashes)

    @property
    def outcome(self) -> str:
        """The worst outcome of its crashes, in one or two words."""
        return f"{self.wrong} wrong" if self.wrong else OK if all(crash.ok for crash in self.crashes) else NOT_REACHED

    @property
    def seconds(self) -> float:
        """The longest recovery, in seconds."""
        return max(crash.seconds for crash in self.crashes)


def is_crash(observed: Observed) -> bool:
    """Return whether an observation belongs to a crash sweep."""
    return observed.subject.startswith(crashes.SUBJECT)


def crashes_of(scenario: Scenario) -> tuple[Crash, ...]:
    """Return the crashes of a scenario, in order; none if it is not a sweep."""
    return tuple(crash for observed in scenario.observations if is_crash(observed) for crash in crashes.parse_crashes(observed.evidence))


def crash_points(result: CheckpointResult) -> tuple[CrashPoint, ...]:
    """Group the crashes of a checkpoint by point."""
    points: dict[str, list[Crash]] = {}
    for scenario in result.scenarios:
        for crash in crashes_of(scenario):
            points.setdefault(crash.point, []).append(crash)
    return tuple(CrashPoint(name, tuple(members)) for name, members in points.items())


def summarize_sweep(points: tuple[CrashPoint, ...]) -> str:
    """Summarise a sweep in one sentence."""
    every = [crash for point in points for crash in point.crashes]
    wrong, missed = sum(point.wrong for point in points), sum(not crash.reached for crash in every)
    slowest = max(points, key=lambda point: point.seconds)
    outcomes = [f"{wrong} wrong"] * bool(wrong) + [f"{missed} not reached"] * bool(missed) or ["none wrong"]
    return (
        f"{counted(len(every) - missed, 'crash')} at {counted(len(points), 'point')}, {', '.join(outcomes)}; "
        f"slowest recovery {duration(slowest.seconds)} ({slowest.name})"
    )
