"""`summary.md`: a run for a pull request. Nothing that the system answered can format, link or mention anything."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from validation.record.results import CheckpointResult, Verdict
from validation.record.verdicts import Run
from validation.report.claims import Standing, tally, with_standing
from validation.report.findings import ROWS_MAX, FindingGroup, grouped
from validation.report.model import (
    UnprovenGroup,
    by_phase,
    headline,
    merged_from,
    missing_variables,
    moment,
    repeat,
    reproduce,
    self_tested,
    unproven,
    with_verdict,
)
from validation.report.since import NONE, TITLE, facts
from validation.report.subject import in_short
from validation.report.text import counted, duration, one_line

BYTES_MAX = 2**20
"""GitHub discards a longer summary of a step."""
_FINDINGS_MAX = 5
_CELL_MAX = 300
_HEADLINE_MAX = 1500
_MARKING = re.compile(r"[\\`*_\[\]<>&|~#@$!]|:(?! )")
"""A colon before a space starts neither a link nor an emoji."""
CUT = "\n*Shortened. index.html of this run has the rest.*\n"


def render(run: Run, most: int = BYTES_MAX) -> str:
    """Return a run as Markdown, in fewer than `most` bytes.

    Where it is too long, each section keeps its first items and says how many it leaves out, so that no section hides a later one.
    """
    return fit(_head(run), _sections(run), most)


def fit(head: Iterable[str], sections: Mapping[str, Sequence[str]], most: int) -> str:
    """Return blocks of Markdown, and below them sections with their items, in fewer than `most` bytes.

    A section may use half of the room that is left to it, so that the next ones have some, too.
    """
    written, left = list[str](), most - len(CUT.encode()) - 1
    for block in head:
        left -= _size(block)
        if left <= 0:
            return "\n".join([*written, CUT]) if most > _size(CUT) else ""
        written.append(block)
    for title, items in sections.items():
        lines = [f"## {title}\n", *_first(items, left // 2), ""] if items else []
        size = sum(map(_size, lines))
        if size > left:
            return "\n".join([*written, CUT])
        written += lines
        left -= size
    return "\n".join(written)


def _first(items: Sequence[str], most: int) -> Iterator[str]:
    for number, item in enumerate(items):
        most -= _size(item)
        if most <= 0:
            yield f"\n*{len(items) - number} more in index.html of this run.*\n"
            return
        yield item


def _size(block: str) -> int:
    return len(block.encode()) + 1


def _head(run: Run) -> Iterator[str]:
    yield f"# {run.verdict}\n\n{safe(headline(run), _HEADLINE_MAX)}\n"
    version = safe(run.started.versions.get("votecheck", "unknown"))
    yield f"Version {version}, run {safe(run.started.run)}, target {run.started.target}, {moment(run)}, {duration(run.seconds)}\n"
    yield f"Validated: {safe(in_short(run))}\n"
    yield f"{TITLE}: {safe(NONE)}\n" if run.last_release is None else _since(run)
    yield _table(run)
    yield f"Self-test: {safe(self_tested(run))}\n"
    yield f"Claims: {safe(tally(run))}\n"
    if run.shards:
        yield f"Merged from {counted(len(run.shards), 'shard')}: {safe(merged_from(run))}\n"
    yield f"Repeat: {safe(repeat(run))} {safe(missing_variables(run))}".rstrip() + "\n"


def _since(run: Run) -> str:
    return "\n".join([f"{TITLE}:\n", *(f"- {name}: {safe(value)}" for name, value in facts(run).items())]) + "\n"


def _sections(run: Run) -> dict[str, list[str]]:
    contradicted = with_standing(run, Standing.CONTRADICTED)
    return {
        "Blockers": [_blocker(run, j) for j in with_verdict(run, Verdict.FAILED)],
        "Contradicted claims": [f"- **{one.id}** {safe(one.sentence)} ({safe(one.page)})" for one in contradicted],
        "Harness errors": [f"- {safe(t)}" for t in run.harness_errors],
        "Not proven": [_unproven(o) for o in unproven(run)],
        "Waived": [f"- **{j.checkpoint.id} {j.checkpoint.title}**: {safe(j.reason)}" for j in with_verdict(run, Verdict.WAIVED)],
    }


def _table(run: Run) -> str:
    rows = ["| Phase | Passed | Failed | Not proven | Waived | Time |", "|---|--:|--:|--:|--:|--:|"]
    for phase in by_phase(run):
        counts = " | ".join(str(phase.count(v) or "") for v in (Verdict.PASSED, Verdict.FAILED, Verdict.NOT_PROVEN, Verdict.WAIVED))
        rows.append(f"| {phase.title} | {counts} | {duration(phase.seconds)} |")
    return "\n".join(rows) + "\n"


def _blocker(run: Run, result: CheckpointResult) -> str:
    lines = [f"### {result.checkpoint.id} {result.checkpoint.title}\n"]
    lines += [f"{safe(result.waived_by)}\n"] * bool(result.waived_by)
    groups = grouped(result)
    for group in groups[:_FINDINGS_MAX]:
        lines += ["| What | Expected | Observed | Remedy |", "|---|---|---|---|", _row(group)]
        for one in group.findings[:ROWS_MAX]:
            given = [f"row {safe(one.row)}"] * bool(one.row) + [f"input {safe(one.observed.input)}"] * bool(one.observed.input)
            lines.append("\n- " + "; ".join([f"Scenario {safe(one.where)}", *given]))
        if (rest := len(group.findings) - ROWS_MAX) > 0:
            lines.append(f"- {rest} more in index.html")
        lines.append(_code(reproduce(run, result, *group.scenarios)))
    if (rest := len(groups) - _FINDINGS_MAX) > 0:
        lines.append(f"\n{rest} more in index.html")
    if not groups:
        lines += [safe(result.reason), _code(reproduce(run, result))]
    return "\n".join(lines)


def _code(command: str) -> str:
    return f"\n```sh\n{one_line(command)}\n```\n"


def _row(group: FindingGroup) -> str:
    found = group.first
    return f"| {' | '.join(safe(cell) for cell in (group.title, found.expected, found.observed, found.remedy))} |"


def _unproven(group: UnprovenGroup) -> str:
    titles = ", ".join(f"**{j.checkpoint.id} {j.checkpoint.title}**" for j in group.results)
    return f"- {titles}: {safe(group.reason)} ({_inline(group.command)})"


def _inline(command: str) -> str:
    return safe(command) if "`" in command else f"`{one_line(command)}`"


def safe(text: str, most: int = _CELL_MAX) -> str:
    """Return a text as plain characters: no part of it starts formatting, a link or a table cell.

    Args:
        text: any text.
        most: characters of it to keep.
    """
    return _MARKING.sub(lambda found: f"&#{ord(found[0])};", one_line(text, most))
