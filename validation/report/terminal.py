"""The run in a terminal: a live view during the run, a summary at its end. Text from the system is never read as markup."""

import os
import sys
import time
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from validation.core.streams import messages
from validation.faults.proxy.crashes import OK
from validation.record.events import Event, Finished, HarnessFailed, Planned, Required, RunFinished, Started
from validation.record.results import CheckpointResult, Verdict
from validation.record.verdicts import Run, RunVerdict, evaluate
from validation.registry.checkpoints import Checkpoint, phases, registry
from validation.registry.durations import Unit
from validation.report import since
from validation.report.crash_table import CrashPoint, crash_points, summarize_sweep
from validation.report.evidence import kept, limits
from validation.report.findings import ROWS_MAX, FindingGroup, grouped
from validation.report.model import (
    UnprovenGroup,
    by_phase,
    checkable_elsewhere,
    day_of,
    headline,
    is_whole,
    merged_from,
    missing_variables,
    repeat,
    reproduce,
    self_tested,
    unproven,
    with_verdict,
)
from validation.report.subject import in_short
from validation.report.text import counted, duration, one_line, visible
from validation.report.time_left import TimeLeft

COLOURS = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "bold red",
    Verdict.NOT_PROVEN: "yellow",
    Verdict.WAIVED: "magenta",
    RunVerdict.GO: "bold white on green",
    RunVerdict.NO_GO: "bold white on red",
    RunVerdict.INCOMPLETE: "bold black on yellow",
    RunVerdict.PARTIAL: "bold black on cyan",
}
_FINDINGS_MAX = 5
_LINE_MAX = 300
_INPUT_LINES = 12


class Progress:
    """Prints one line for each finished checkpoint and, in an interactive terminal, a status line below.

    Args:
        scope: the checkpoints of the run.
        console: where to print; default: standard error.
        recorded: seconds of each scenario in recorded runs.
    """

    def __init__(self, scope: Collection[Checkpoint], console: Console | None = None, recorded: Mapping[Unit, float] | None = None) -> None:
        self._scope = scope
        # pytest redirects descriptor 2 during a scenario; this is a copy made before.
        self._stderr = None if console else messages(os.dup(sys.stderr.fileno()), closes=True)
        self._console = console or Console(file=self._stderr)
        self._events: list[Event] = []
        self._running: dict[str, Started] = {}
        self._required, self._planned, self._done = Counter[str](), Counter[str](), Counter[str]()
        self._finished: dict[str, Verdict] = {}
        self._time_left = TimeLeft(recorded or {})
        self._started = time.monotonic()
        self._spinner = Spinner("line")
        self._live = Live(console=self._console, get_renderable=self._status, transient=True, redirect_stdout=False, redirect_stderr=False)
        self._animated = self._console.is_interactive and not self._console.no_color and not os.environ.get("CI")

    def __enter__(self) -> Self:
        """Start the live view."""
        if self._animated:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop the live view and restore the terminal."""
        self._live.stop()
        if self._stderr:
            self._stderr.close()

    def __call__(self, event: Event) -> None:
        """Handle the next event of the run."""
        self._events.append(event)
        if isinstance(event, Required):
            self._required.update(dict.fromkeys(event.checkpoints, event.rows if event.here is None else event.here))
        elif isinstance(event, Planned):
            self._planned.update(event.checkpoints)
            self._time_left.plan(event)
        elif isinstance(event, Started):
            self._running[event.scenario] = event
        elif isinstance(event, Finished) and (ended := self._running.pop(event.scenario, None)):
            self._done.update(ended.checkpoints)
            self._time_left.finish(event.scenario)
            self._finish([one for one in ended.checkpoints if self._done[one] == max(self._required[one], self._planned[one])])
        elif isinstance(event, RunFinished):
            self._finish(self._done.keys() - self._finished.keys())
        elif isinstance(event, HarnessFailed):
            _print(self._console, Text(f"HARNESS ERROR  {one_line(event.what, _LINE_MAX)}", "yellow"))

    def _finish(self, identifiers: Collection[str]) -> None:
        """Print a line for each of these checkpoints, all of whose scenarios have run."""
        if not identifiers:
            return
        run = evaluate(self._events, registry(), day_of(self._events))
        for result in (j for j in run.results if j.checkpoint.id in identifiers):
            self._finished[result.checkpoint.id] = result.verdict
            line = Text.assemble(f"{result.checkpoint.id:<4} ", _padded(result.verdict), f"  {result.checkpoint.title}")
            _print(self._console, line.append(f"  {duration(result.seconds)}", "dim"))

    def _status(self) -> Spinner:
        line = Text(no_wrap=True, overflow="ellipsis")
        for running in self._running.values():
            checkpoint = registry()[running.checkpoints[0]]
            line.append(f"{phases()[checkpoint.phase]} > {checkpoint.id} {checkpoint.title} > {one_line(running.name, _LINE_MAX)}\n  ")
        elapsed = time.monotonic() - self._started
        left = self._time_left.seconds(elapsed)
        line.append(duration(elapsed) + ("" if left is None else f", about {duration(left)} left"), "dim")
        line.append(f"  {len(self._finished)} of {counted(len(self._scope), 'checkpoint')}", "dim")
        for verdict in Verdict:
            if count := list(self._finished.values()).count(verdict):
                line.append(f"  {count} {verdict}", COLOURS[verdict])
        scenarios = sum(isinstance(e, Finished) for e in self._events)
        self._spinner.update(text=line.append(f"  {counted(scenarios, 'scenario')}", "dim"))
        return self._spinner


def summary(run: Run, console: Console, folder: Path) -> None:
    """Print the outcome of a run: the verdict, what stands in the way of a release, counts, and the path of the report."""
    _print(console, Text.assemble("\n", (f" {run.verdict} ", COLOURS[run.verdict]), f"  {one_line(headline(run))}"))
    version = run.started.versions.get("votecheck", "unknown")
    _print(
        console, Text(one_line(f"version {version}, run {run.started.run}, target {run.started.target}, {duration(run.seconds)}"), "dim")
    )
    _print(console, Text(one_line(f"validated: {in_short(run)}"), "dim"))
    if run.last_release is None:
        _print(console, Text(f"{since.TITLE.lower()}: {since.NONE}", "dim"))
    _list(console, since.TITLE, [one_line(f"{name}: {value}") for name, value in since.facts(run).items()])
    for result in with_verdict(run, Verdict.FAILED):
        _blocker(run, result, console)
    _list(console, "Harness errors", [visible(t) for t in run.harness_errors])
    _list(console, "Not proven", [_unproven(group) for group in unproven(run)])
    _list(console, "Waived", [f"{_title(j)}: {one_line(j.reason)}" for j in with_verdict(run, Verdict.WAIVED)])
    _list(console, "Could also be checked", [f"{where}: {', '.join(ids)}" for where, ids in checkable_elsewhere(run).items()])
    _sweeps(run, console)
    if files := {one.file for one in kept(run)}:
        _list(console, "Evidence", [f"{counted(len(files), 'file')} in {folder}", *filter(None, [limits(run)])])
    _list(console, "Snapshots of the cluster", [str((folder / s.files[0]).parent) for s in run.snapshots if s.files])
    console.print()
    console.print(_counts(run))
    _print(console, Text(f"Self-test: {self_tested(run)}"))
    if run.shards:
        _print(console, Text(f"Merged from {counted(len(run.shards), 'shard')}: {one_line(merged_from(run))}"))
    _print(console, Text(f"Repeat: {one_line(repeat(run))}"))
    if needed := missing_variables(run):
        _print(console, Text(needed))
    _print(console, Text(f"Report: {folder / 'index.html'}"))


def _blocker(run: Run, result: CheckpointResult, console: Console) -> None:
    _print(console, Text.assemble("\n", _padded(result.verdict), f"  {_title(result)}"))
    if result.waived_by:
        _field(console, "waiver", one_line(result.waived_by, _LINE_MAX))
    groups = grouped(result)
    for group in groups[:_FINDINGS_MAX]:
        _group(run, result, group, console)
    if not groups:
        _print(console, Text(f"    {one_line(result.reason)}"))
        _print(console, Text.assemble(("    reproduce ", "dim"), one_line(reproduce(run, result))))
    if (rest := len(groups) - _FINDINGS_MAX) > 0:
        _print(console, Text(f"  {rest} more in the report"))


def _group(run: Run, result: CheckpointResult, group: FindingGroup, console: Console) -> None:
    _print(console, Text(f"  {one_line(group.title, _LINE_MAX)}"))
    for name in ("expected", "observed", "remedy"):
        if value := getattr(group.first, name):
            _field(console, name, one_line(value, _LINE_MAX))
    for one in group.findings[:ROWS_MAX]:
        _field(console, "scenario", one_line(one.where, _LINE_MAX))
        if one.row:
            _field(console, "row", one_line(one.row, _LINE_MAX))
        for number, line in enumerate(visible(one.observed.input).splitlines()[:_INPUT_LINES]):
            _field(console, "input" if number == 0 else "", one_line(line, _LINE_MAX))
    if (rest := len(group.findings) - ROWS_MAX) > 0:
        _print(console, Text(f"              and {rest} more in the report", "dim"))
    _field(console, "reproduce", one_line(reproduce(run, result, *group.scenarios)))


def _field(console: Console, name: str, value: str) -> None:
    _print(console, Text.assemble((f"    {name:<9} ", "dim"), value))


def _sweeps(run: Run, console: Console) -> None:
    """Print the crash sweeps: one line each in a full run, a table each in a partial one."""
    for result in run.results:
        if not (points := crash_points(result)):
            continue
        _print(console, Text.assemble("\n", (_title(result), "bold"), f": {summarize_sweep(points)}"))
        if is_whole(run):
            continue
        table = Table("Crash point", "Command (reached)", "Result", box=None, pad_edge=False, header_style="dim")
        table.add_column("Recovery", justify="right")
        for point in points:
            outcome = Text(one_line(point.outcome), COLOURS[_verdict(point)])
            table.add_row(Text(one_line(point.name)), Text(one_line(point.command)), outcome, duration(point.seconds))
        console.print(table)
        for crash in (v for p in points for v in p.crashes if not v.ok):
            _print(console, Text(f"  {one_line(f'{crash.point}, {crash.how}: {crash.verdict}', _LINE_MAX)}"))


def _verdict(point: CrashPoint) -> Verdict:
    return Verdict.FAILED if point.wrong else Verdict.PASSED if point.outcome == OK else Verdict.NOT_PROVEN


def _list(console: Console, title: str, items: Collection[str]) -> None:
    if items:
        _print(console, Text(f"\n{title}", "bold"))
    for item in items:
        _print(console, Text(f"  {item}"))


def _unproven(group: UnprovenGroup) -> str:
    titles = "\n  ".join(_title(result) for result in group.results)
    return f"{titles}\n       {one_line(group.reason, _LINE_MAX)}\n       {one_line(group.command)}"


def _counts(run: Run) -> Table:
    table = Table("Phase", box=None, pad_edge=False, header_style="dim", title=None)
    for name in (*(v.capitalize() for v in Verdict), "Time"):
        table.add_column(name, justify="right")
    for phase in by_phase(run):
        counts = [Text(str(phase.count(v) or "·"), COLOURS[v] if phase.count(v) else "dim") for v in Verdict]
        table.add_row(phase.title, *counts, duration(phase.seconds))
    table.add_row("All", *(str(run.count(v)) for v in Verdict), duration(run.seconds), style="bold")
    return table


def _title(result: CheckpointResult) -> str:
    return f"{result.checkpoint.id:<4} {result.checkpoint.title}"


def _padded(verdict: Verdict) -> tuple[str, str]:
    return f"{verdict:<10}", COLOURS[verdict]


def _print(console: Console, line: Text) -> None:
    # Not wrapped, so that a command can be copied.
    console.print(line, soft_wrap=True, highlight=False, markup=False)
