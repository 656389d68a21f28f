"""What waivers do to the result of a checkpoint."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from validation.record.results import CheckpointResult, Verdict


@dataclass(frozen=True, slots=True)
class Waiver:
    """Permission to ship one version although a checkpoint has one open point, until a day.

    Attributes:
        id: the checkpoint.
        finding: the open point, as `CheckpointResult.open_points` names it.
        version: the version of votecheck and the system that may ship.
        expires: the last day.
    """

    id: str
    finding: str
    version: str
    reason: str
    owner: str
    expires: date

    def __str__(self) -> str:
        """The reason, with who answers for it and until when."""
        return f"{self.reason} ({self.owner}, until {self.expires})"


def waive(result: CheckpointResult, waivers: Sequence[Waiver], version: str, today: date, *, whole: bool) -> CheckpointResult:
    """Return the result of a checkpoint with its waivers: WAIVED if each open point has one that applies.

    A waiver that does not apply, or that nothing needs, makes the checkpoint FAILED: permissions must not pile up.

    Args:
        result: the result without waivers.
        waivers: the waivers of this checkpoint.
        version: the version that the run validated.
        today: the day of the run.
        whole: whether all scenarios of the checkpoint were in the run. Another shard may have what a waiver is for.
    """
    if not waivers:
        return result
    if problems := list(_problems(result, waivers, version, today, whole=whole)):
        said = " ".join(problems)
        return replace(result, verdict=Verdict.FAILED, reason=f"{said} {result.reason}".strip(), waived_by=said)
    if result.verdict is Verdict.PASSED:
        return result
    if uncovered := [point for point in result.open_points if point not in {one.finding for one in waivers}]:
        return replace(result, waived_by=f"No waiver covers: {'; '.join(uncovered)}.")
    said = "; ".join(map(str, waivers))
    return replace(result, verdict=Verdict.WAIVED, reason=f"{said}. Without the waiver: {result.reason}", waived_by=said)


def _problems(result: CheckpointResult, waivers: Sequence[Waiver], version: str, today: date, *, whole: bool) -> Iterator[str]:
    for one in waivers:
        if one.expires < today:
            yield f"Its waiver expired on {one.expires} ({one.owner})."
        elif one.version != version:
            yield f"Its waiver is for version {one.version}, and this is {version or 'unknown'} ({one.owner})."
        elif whole and one.finding not in result.open_points:
            yield f"Its waiver for `{one.finding}` ({one.owner}) is no longer needed: remove it."
