"""The history of some runs for the terminal."""

from collections.abc import Iterator

from validation.record.verdicts import RunVerdict
from validation.report.across.history import History, gaps_between
from validation.report.across.index import moment
from validation.report.across.summaries import Runs
from validation.report.text import counted, duration, one_line, percent, visible

SHOWN = 20
"""How many of the last runs are listed."""
UNKNOWN = "commit unknown"


def render(history: History, runs: Runs) -> str:
    """Return the history of the runs of a folder."""
    sections = {
        _title(history): list(_runs(history)),
        "Unstable: passed and failed on the same subject": list(_unstable(history)),
        "Failing": list(_broken(history)),
        "Durations, compared with the median of earlier runs": list(_slower(history)),
        "Not readable": [one_line(place) for place in runs.unreadable],
    }
    blocks = ["\n".join([title, *(f"  {line}" for line in lines)]) for title, lines in sections.items() if lines]
    return "\n\n".join(blocks)


def _title(history: History) -> str:
    counts = [sum(run.verdict == verdict for run in history.runs) for verdict in RunVerdict]
    verdicts = ", ".join(f"{count} {verdict}" for count, verdict in zip(counts, RunVerdict, strict=True) if count)
    left = len(history.runs) - SHOWN
    return f"{counted(len(history.runs), 'run')}: {verdicts}" + (f"; the last {SHOWN}" if left > 0 else "")


def _runs(history: History) -> Iterator[str]:
    for run in history.runs[-SHOWN:]:
        changed = " changed" if run.subject and run.subject.changed_count else ""
        told = f"{visible(run.run)}  {moment(run)}  {visible(run.target):10}  {visible(run.verdict):10}  {duration(run.seconds):>12}"
        yield f"{told}  {visible(run.commit[:12]) or UNKNOWN}{changed}"


def _unstable(history: History) -> Iterator[str]:
    for one in history.unstable:
        rate = f"{percent(one.passed, one.of):.0f} %, 95 % interval {100 * one.low:.0f} to {100 * one.high:.0f} %"
        yield one_line(f"{one.id:<4} {one.title}: passed {one.passed} of {one.of} ({rate}); not in {', '.join(one.failed_in[-5:])}")


def _broken(history: History) -> Iterator[str]:
    for one in history.broken:
        good = f"passed last in {one.good} ({one.good_commit[:12] or UNKNOWN})" if one.good else "never passed before"
        yield one_line(f"{one.id:<4} {one.title}: fails on {one.target} since {one.since} ({one.bad_commit[:12] or UNKNOWN}), {good}")
    for command in gaps_between(history.broken):
        yield f"between them: {command}"


def _slower(history: History) -> Iterator[str]:
    for one in history.slower:
        change = f"{100 * (one.last - one.usual) / one.usual:+.0f} %" if one.usual else "new"
        yield one_line(f"{one.id:<4} {one.title}, {one.target}: {duration(one.usual)} → {duration(one.last)} ({change})")
