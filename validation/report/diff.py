"""What changed between two runs: verdicts, findings, durations."""

from collections.abc import Iterator
from pathlib import Path

from validation.record.events import Observed
from validation.record.verdicts import Run
from validation.report.model import load
from validation.report.text import duration, one_line

_SLOWER_BY_SECONDS = 0.5
_SLOWER_BY_SHARE = 0.2
"""Smaller differences than these are noise."""
_OUT_OF_SCOPE = "not in scope"
_CELL_MAX = 160

Place = tuple[str, str, str, str]
"""What identifies a finding: checkpoint, scenario, step and subject. The observed value may differ from run to run."""


def compare(before: Path, after: Path) -> str:
    """Return what changed from the run in one folder to the run in another.

    Raises:
        UsageError: a record is missing or was changed.
    """
    return diff(load(before), load(after))


def diff(before: Run, after: Run) -> str:
    """Return what changed from one run to another, for the terminal."""
    sections = {
        "Verdicts": list(_verdicts(before, after)),
        "New findings": list(_findings(after, without=before)),
        "Resolved findings": list(_findings(before, without=after)),
        "Durations": list(_durations(before, after)),
    }
    lines = [f"{_name(before)}  →  {_name(after)}"]
    for title, items in sections.items():
        lines += ["", title, *(f"  {item}" for item in items)] if items else []
    return "\n".join(lines if len(lines) > 1 else [*lines, "", "No differences."])


def _name(run: Run) -> str:
    return one_line(f"{run.started.run} ({run.started.target}) {run.verdict}")


def _verdicts(before: Run, after: Run) -> Iterator[str]:
    old, new = ({j.checkpoint.id: j for j in run.results} for run in (before, after))
    for identifier, result in sorted((old | new).items()):
        was, is_ = (str(side[identifier].verdict) if identifier in side else _OUT_OF_SCOPE for side in (old, new))
        if was != is_:
            yield f"{identifier:<4} {was} → {is_}  {result.checkpoint.title}"


def _findings(run: Run, *, without: Run) -> Iterator[str]:
    known = _places(without)
    in_scope = {j.checkpoint.id for j in without.results}
    for place, found in _places(run).items():
        # A checkpoint outside the scope of the other run has neither gained nor lost a finding.
        if place not in known and place[0] in in_scope:
            cells = (one_line(text, _CELL_MAX) for text in (found.subject, found.expected, found.observed))
            yield "{:<4} {}: expected {}, observed {}".format(place[0], *cells)


def _places(run: Run) -> dict[Place, Observed]:
    return {(j.checkpoint.id, o.scenario, o.step, o.subject): o for j in run.results for o in j.findings}


def _durations(before: Run, after: Run) -> Iterator[str]:
    old, new = ({j.checkpoint.id: j.seconds for j in run.results} for run in (before, after))
    if old.keys() == new.keys():
        old["all"], new["all"] = before.seconds, after.seconds
    for identifier in (i for i in old if i in new):
        was, is_ = old[identifier], new[identifier]
        if was and is_ and abs(is_ - was) >= max(_SLOWER_BY_SECONDS, was * _SLOWER_BY_SHARE):
            yield f"{identifier:<4} {duration(was)} → {duration(is_)}  ({100 * (is_ - was) / was:+.0f} %)"
