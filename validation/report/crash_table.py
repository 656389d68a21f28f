"""The table of a crash sweep, read back from the record of a run: point, witness, verdict, time to recover."""

from dataclasses import dataclass

from validation.faults.proxy import crashes
from validation.faults.proxy.crashes import NOT_REACHED, RIGHT, Crash
from validation.record.events import Observed
from validation.record.verdicts import CheckpointResult, Scenario
from validation.report.text import duration


@dataclass(frozen=True, slots=True)
class CrashPoint:
    """One point of a sweep, with every crash there."""

    name: str
    crashes: tuple[Crash, ...]

    @property
    def witness(self) -> str:
        """At which command it was, and how many of the crashes took effect."""
        reached = [crash for crash in self.crashes if crash.reached]
        command = reached[0].witness.partition(",")[0] if reached else "none"
        return f"{command}, {len(reached)} of {len(self.crashes)}"

    @property
    def wrong(self) -> int:
        """After how many crashes something was wrong."""
        return sum(crash.reached and not crash.right for crash in self.crashes)

    @property
    def verdict(self) -> str:
        """In a word or two: the worst of its crashes."""
        return f"{self.wrong} wrong" if self.wrong else RIGHT if all(crash.right for crash in self.crashes) else NOT_REACHED

    @property
    def seconds(self) -> float:
        """The longest time to recover."""
        return max(crash.seconds for crash in self.crashes)


def is_crash(observed: Observed) -> bool:
    """Tell whether an observation is of one point of a sweep."""
    return observed.subject.startswith(crashes.SUBJECT)


def crashes_of(scenario: Scenario) -> tuple[Crash, ...]:
    """Give the crashes of a scenario, in order; none where it is no sweep."""
    return tuple(crash for observed in scenario.observations if is_crash(observed) for crash in crashes.read(observed.evidence))


def crash_points(result: CheckpointResult) -> tuple[CrashPoint, ...]:
    """Group the crashes of a checkpoint by point."""
    points: dict[str, list[Crash]] = {}
    for scenario in result.scenarios:
        for crash in crashes_of(scenario):
            points.setdefault(crash.point, []).append(crash)
    return tuple(CrashPoint(name, tuple(members)) for name, members in points.items())


def in_short(points: tuple[CrashPoint, ...]) -> str:
    """Say in one sentence what a sweep saw."""
    every = [crash for point in points for crash in point.crashes]
    wrong, unseen = sum(point.wrong for point in points), sum(not crash.reached for crash in every)
    slowest = max(points, key=lambda point: point.seconds)
    told = [f"{wrong} wrong"] * bool(wrong) + [f"{unseen} not reached"] * bool(unseen) or ["all right"]
    return (
        f"{len(every) - unseen} crashes at {len(points)} points, {', '.join(told)}; "
        f"slowest recovery {duration(slowest.seconds)}, {slowest.name}"
    )
