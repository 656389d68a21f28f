"""`summary.md`: a run for a pull request. Nothing that the system answered can format, link or mention anything."""

import re
from collections.abc import Iterator

from validation.record.events import Observed
from validation.record.verdicts import CheckpointResult, Run, Verdict
from validation.report.model import UnprovenGroup, by_phase, headline, moment, reproduce, self_tested, unproven, with_verdict
from validation.report.text import duration, one_line

BYTES_MAX = 2**20
"""GitHub discards a longer job summary."""
_ROOM_FOR_THE_END = 4096
_FINDINGS_MAX = 5
_CELL_MAX = 300
_MARKING = re.compile(r"[\\`*_\[\]<>&|~#@:$!]")


def render(run: Run) -> str:
    """Return a run as Markdown, in less than 1 MiB."""
    written, size = [], 0
    for block in _blocks(run):
        size += len(block.encode()) + 1
        if size > BYTES_MAX - _ROOM_FOR_THE_END:
            written.append("\n*Shortened. index.html of this run has the rest.*\n")
            break
        written.append(block)
    return "\n".join(written)


def _blocks(run: Run) -> Iterator[str]:
    yield f"# {run.verdict}\n\n{headline(run)}\n"
    version = safe(run.started.versions.get("votecheck", "unknown"))
    yield f"Version {version}, run {safe(run.started.run)}, target {run.started.target}, {moment(run)}, {duration(run.seconds)}\n"
    yield _table(run)
    yield f"Self-test: {safe(self_tested(run))}\n"
    yield from _section("Blockers", [_blocker(run, j) for j in with_verdict(run, Verdict.FAILED)])
    yield from _section("Harness errors", [f"- {safe(t)}" for t in run.harness_errors])
    yield from _section("Not proven", [_unproven(o) for o in unproven(run)])
    yield from _section(
        "Waived", [f"- **{j.checkpoint.id} {j.checkpoint.title}**: {safe(j.reason)}" for j in with_verdict(run, Verdict.WAIVED)]
    )


def _section(title: str, items: list[str]) -> Iterator[str]:
    if items:
        yield f"## {title}\n"
        yield from items
        yield ""


def _table(run: Run) -> str:
    rows = ["| Phase | Passed | Failed | Not proven | Waived | Time |", "|---|--:|--:|--:|--:|--:|"]
    for phase in by_phase(run):
        counts = " | ".join(str(phase.count(v) or "") for v in (Verdict.PASSED, Verdict.FAILED, Verdict.NOT_PROVEN, Verdict.WAIVED))
        rows.append(f"| {phase.title} | {counts} | {duration(phase.seconds)} |")
    return "\n".join(rows) + "\n"


def _blocker(run: Run, result: CheckpointResult) -> str:
    lines = [f"### {result.checkpoint.id} {result.checkpoint.title}\n"]
    if result.findings:
        lines += ["| What | Expected | Observed | Remedy |", "|---|---|---|---|"]
        lines += [_row(o) for o in result.findings[:_FINDINGS_MAX]]
        if (rest := len(result.findings) - _FINDINGS_MAX) > 0:
            lines.append(f"\n{rest} more in index.html")
    else:
        lines.append(safe(result.reason))
    return "\n".join([*lines, f"\n```sh\n{reproduce(run, result)}\n```\n"])


def _row(found: Observed) -> str:
    return f"| {' | '.join(safe(cell) for cell in (found.subject, found.expected, found.observed, found.remedy))} |"


def _unproven(group: UnprovenGroup) -> str:
    titles = ", ".join(f"**{j.checkpoint.id} {j.checkpoint.title}**" for j in group.results)
    return f"- {titles}: {safe(group.reason)} (`{group.command}`)"


def safe(text: str) -> str:
    """Return a text as plain characters: no part of it starts formatting, a link or a table cell."""
    return _MARKING.sub(lambda found: f"&#{ord(found[0])};", one_line(text, _CELL_MAX))
