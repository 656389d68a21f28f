"""A load run as text: terminal summary, Markdown and CSV. Text from the system is never interpreted as markup."""

import csv
import io
import math
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from validation.load.result import Check, FaultRecord, Knee, Latency, LoadResult, Reconciliation, Sample
from validation.record.results import Verdict
from validation.report.markdown import BYTES_MAX, fit, safe
from validation.report.terminal import COLOURS
from validation.report.text import duration, one_line

if TYPE_CHECKING:
    from validation.probes.running.host import Use

NOTHING = "nothing was observed"
HELD, BROKEN, NOT_PROVEN = "held", "broken", "not proven"
BANNERS = {str(word): colour for word, colour in COLOURS.items()} | {str(Verdict.PASSED): "bold green"}
"""Like that of a release, but a load run that passed has no banner: it clears no release."""
_NAMED_MAX = 3
_LINE_MAX = 300
_WIDEST = 500
_DIGITS = 3
_LIMIT = re.compile(r"(?P<side>at most|at least|within) (?P<number>\d+(?:\.\d+)?) ?(?P<unit>.*)")
_SEEN = re.compile(r"(?P<number>\d+(?:\.\d+)?(?:e[+-]\d+)?) ?(?P<unit>.*)")
_SHARE = re.compile(r"(?P<part>\d+) of (?P<whole>\d+)")


def number(value: float) -> str:
    """Format a number with three significant digits, or all integer digits: `0.82`, `3.1`, `47.3`, `12 345`. Not a number is a dash."""
    if not math.isfinite(value):
        return "-"
    digits = _DIGITS - 1 - math.floor(math.log10(abs(value))) if value else 0
    written = f"{value:,.{min(max(digits, 0), _DIGITS)}f}".replace(",", " ")
    return written.rstrip("0").rstrip(".") if "." in written else written


def worst_first(checks: Sequence[Check]) -> list[Check]:
    """Sort checks: broken, not proven, held."""
    return sorted(checks, key=lambda check: (BROKEN, NOT_PROVEN, HELD).index(word(check)))


def word(check: Check) -> str:
    """Return the outcome of a check."""
    return NOT_PROVEN if check.held is None else HELD if check.held else BROKEN


def margin(check: Check) -> str:
    """Return the distance from the limit in percent of the limit; empty if the two cannot be compared."""
    limit, share = _LIMIT.fullmatch(check.limit), _SHARE.fullmatch(check.seen)
    if not limit or not float(limit["number"]):
        return ""
    wanted, seen = float(limit["number"]), _SEEN.fullmatch(check.seen)
    if share and int(share["whole"]):
        found = int(share["part"]) / int(share["whole"]) * (100 if limit["unit"] == "%" else 1)
    elif seen and seen["unit"] == limit["unit"]:
        found = float(seen["number"])
    else:
        return ""
    left = 100 * (wanted - found) / wanted * (-1 if limit["side"] == "at least" else 1)
    missed = "under" if limit["side"] == "at least" else "over"
    return f"{abs(left):.0f} % {missed if left < 0 else 'left'}"


def headline(result: LoadResult) -> str:
    """Return the reason for the verdict, in one or a few sentences."""
    return " ".join([f"{_reason(result)}." if result.reductions else _reason(result), *result.reductions])


def _reason(result: LoadResult) -> str:
    whole = len(result.checks)
    broken, open_ = ([c.what for c in result.checks if c.held is how] for how in (False, None))
    if broken:
        rest = f"; {len(open_)} not proven" if open_ else ""
        return f"{len(broken)} of {whole} limits broken: {_named(broken)}{rest}"
    if open_:
        return f"{len(open_)} of {whole} limits not proven: {_named(open_)}"
    return f"All {whole} limits held" if whole else f"No limit was checked: {NOTHING}"


def _named(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED_MAX
    return "; ".join(one_line(n, _LINE_MAX) for n in names[:_NAMED_MAX]) + (f"; and {rest} more" if rest > 0 else "")


def reconciliation_line(found: Reconciliation | None) -> str:
    """Return one line that says whether every accepted vote was counted."""
    if found is None:
        return f"Reconciliation: {NOTHING} in the ledger"
    wrong = found.lost or found.never_accepted or found.wrong_option or found.count_difference
    return (
        f"Reconciliation {'FAILED' if wrong else 'passed'}: {number(found.accepted)} accepted, {number(found.lost)} lost, "
        f"{number(found.never_accepted)} counted but never accepted, {number(found.wrong_option)} counted for the wrong option, "
        f"counts off by {number(found.count_difference)}, {number(found.unanswered)} sent again; "
        f"counted after p50 {number(found.count_p50)}, p95 {number(found.count_p95)}, at most {number(found.count_max)} ms"
    )


def knee_line(knee: Knee) -> str:
    """Return one line with the highest rate that the system kept up with."""
    kept = f"kept up with {number(knee.rate)} requests per second" if knee.rate else "did not keep up with the first rate"
    if knee.first_broken is None:
        return f"Knee: {kept}, and no higher rate was tried" if knee.rate else f"Knee: {NOTHING}"
    full = "; ".join(one_line(s, _LINE_MAX) for s in knee.saturated) or "nothing that was sampled"
    return f"Knee: {kept}; fell behind at {number(knee.first_broken)}, where this was saturated: {full}"


def fault_line(fault: FaultRecord) -> str:
    """Return one line about a fault and its effect."""
    back = "did not recover" if fault.recovered_after is None else f"recovered {duration(fault.recovered_after)} after its end"
    seen = one_line(fault.seen, _LINE_MAX) or "no effect was seen"
    return f"Fault: {one_line(fault.name, _LINE_MAX)}, {number(fault.begun)} to {number(fault.ended)} s: {seen}; latency {back}"


def lines(result: LoadResult) -> list[str]:
    """Return the lines below the table: reconciliation, knee, faults, schedule, machine, command."""
    knee = [knee_line(result.knee)] if result.knee else []
    return [
        reconciliation_line(result.reconciliation),
        *knee,
        *map(fault_line, result.faults),
        f"Schedule: {schedule(result)}",
        f"Machine: {machine(result)}",
        *([f"Repeat: {result.command}"] if result.command else []),
    ]


def machine(result: LoadResult) -> str:
    """Return one line about the use of this machine after the warm-up. In a cluster the system under test runs on others."""
    where = "this machine, which is not a node, was " if result.target == "cluster" else ""
    return f"{where}{result.host}" if result.host else NOTHING


def schedule(result: LoadResult) -> str:
    """Return one line that says whether the load was the requested one."""
    several = "es" if result.processes != 1 else ""
    return (
        f"{number(result.planned)} requests planned, {number(result.missed)} never sent; {result.processes} generator process{several}, "
        f"the busiest at {number(result.generator_busy)} of a core"
    )


def summary(result: LoadResult, console: Console, folder: Path) -> None:
    """Print the summary of a load run: verdict, broken and unproven limits, percentiles, reconciliation, knee, path of the report."""
    _print(console, Text.assemble("\n", (f" {result.verdict} ", BANNERS[result.verdict]), f"  {headline(result)}"))
    _print(console, Text(one_line(_subtitle(result), _LINE_MAX), "dim"))
    for check in (c for c in worst_first(result.checks) if not c.held):
        colour = "bold red" if check.held is False else "yellow"
        beside = f" ({margin(check)})" if margin(check) else ""
        _print(console, Text.assemble("\n", (f"{word(check).upper():<10}", colour), f"  {one_line(check.what, _LINE_MAX)}"))
        for name, text in (("limit", check.limit), ("seen", check.seen + beside), ("why", check.reason)):
            if text:
                _print(console, Text.assemble((f"    {name:<6} ", "dim"), one_line(text, _LINE_MAX)))
    console.print()
    if result.latencies:
        whole = _table(result, _COLUMNS)
        fits = Measurement.get(console, console.options.update(width=_WIDEST), whole).maximum <= console.width
        console.print(whole if fits else _table(result, _NEEDED))
    else:
        _print(console, Text(f"Requests: {NOTHING}"))
    console.print()
    for line in lines(result):
        _print(console, Text(line))
    _print(console, Text(f"Report: {folder / 'index.html'}"))


def _subtitle(result: LoadResult) -> str:
    return f"{result.scenario}: {result.title}; run {result.run}, target {result.target}, {duration(result.seconds)}"


_COLUMNS: dict[str, Callable[[Latency], float]] = {
    "requests": lambda r: r.count,
    "failed": lambda r: r.failures,
    "per second": lambda r: r.rate,
    "p50": lambda r: r.p50,
    "p95": lambda r: r.p95,
    "p99": lambda r: r.p99,
    "p99.9": lambda r: r.p999,
    "max": lambda r: r.max,
    "service p50": lambda r: r.service_p50,
    "service p99": lambda r: r.service_p99,
}
_NEEDED = ("failed", "p50", "p95", "p99")


def _table(result: LoadResult, columns: Collection[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("ms", overflow="fold")
    for name in columns:
        table.add_column(name, justify="right")
    for request in result.latencies:
        table.add_row(Text(one_line(request.name, _LINE_MAX)), *(number(_COLUMNS[c](request)) for c in columns))
    return table


def markdown(result: LoadResult, most: int = BYTES_MAX) -> str:
    """Return a load run as Markdown for a pull request, in fewer than `most` bytes. Text from the system cannot format, link or mention."""
    return fit([*_blocks(result), ""], {}, most)


def _blocks(result: LoadResult) -> Iterator[str]:
    yield f"# {result.verdict}\n\n{safe(headline(result))}\n"
    yield f"{safe(_subtitle(result))}\n"
    if bad := [check for check in worst_first(result.checks) if not check.held]:
        yield "| | What | Limit | Observed | Margin | Reason |\n|---|---|---|---|--:|---|"
        for check in bad:
            cells = (check.what, check.limit, check.seen, margin(check), check.reason)
            yield f"| **{word(check)}** | {' | '.join(safe(cell) for cell in cells)} |"
        yield ""
    if result.latencies:
        yield f"| ms | {' | '.join(_COLUMNS)} |\n|---|{'--:|' * len(_COLUMNS)}"
        for request in result.latencies:
            yield f"| {safe(request.name)} | {' | '.join(number(value(request)) for value in _COLUMNS.values())} |"
        yield ""
    else:
        yield f"Requests: {NOTHING}\n"
    yield from (f"- {safe(line)}" for line in lines(result))


def timeline_csv(result: LoadResult) -> str:
    """Return the run as CSV with one row per second. An empty cell could not be read. The last sample of a second wins."""
    seconds = {second.at: second for second in result.timeline}
    samples = {math.floor(sample.at): sample for sample in result.samples}
    cpu, memory = (sorted({p for s in result.samples for p in getattr(s, of)}) for of in ("cpu", "memory"))
    written = io.StringIO()
    to = csv.writer(written, lineterminator="\n")
    of_host: dict[str, Callable[[Use], float | None]] = {
        "machine_busy_share": lambda use: use.busy,
        "machine_others_share": lambda use: use.others,
        "machine_steal_share": lambda use: use.steal,
        "pressure_cpu_share": lambda use: use.pressure.get("cpu"),
        "pressure_io_share": lambda use: use.pressure.get("io"),
        "pressure_memory_share": lambda use: use.pressure.get("memory"),
        "machine_load": lambda use: use.load,
    }
    head = ["at_s", "planned_per_s", "answered", "failed", "p50_ms", "p95_ms", "p99_ms", "lag_entries", "pending_entries", "oldest_s"]
    to.writerow([*head, *(f"cpu_{one_line(p)}_cores" for p in cpu), *(f"memory_{one_line(p)}_mib" for p in memory), *of_host])
    none = Sample(0, None, None, None, {}, {})
    for at in sorted(seconds | samples):
        second, sample = seconds.get(at), samples.get(at, none)
        row: list[float | None] = [at, *([None] * 6)]
        if second:
            latency = [second.p50, second.p95, second.p99] if second.answered else [None] * 3
            row = [at, second.planned, second.answered, second.failed, *latency]
        row += [sample.lag, sample.pending, sample.oldest, *map(sample.cpu.get, cpu), *map(sample.memory.get, memory)]
        row += [value(sample.host) if sample.host else None for value in of_host.values()]
        to.writerow(row)
    return written.getvalue()


def _print(console: Console, line: Text) -> None:
    # The terminal wraps whole lines better than rich does.
    console.print(line, soft_wrap=True, highlight=False, markup=False)
