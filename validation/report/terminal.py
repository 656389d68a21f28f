"""The run in a terminal: a live view while it runs, a summary when it ends. Nothing of the system is read as markup."""

import os
import sys
import time
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from validation.faults.proxy.crashes import RIGHT
from validation.record.events import Event, Finished, HarnessFailed, Planned, RunFinished, Started
from validation.record.verdicts import CheckpointResult, Run, RunVerdict, Verdict, evaluate
from validation.registry.checkpoints import Checkpoint, phases, registry
from validation.report.crash_table import CrashPoint, crash_points, in_short
from validation.report.model import (
    Open,
    by_phase,
    checkable_elsewhere,
    day_of,
    headline,
    is_whole,
    reproduce,
    self_tested,
    unproven,
    with_verdict,
)
from validation.report.text import duration, one_line, visible

COLOURS = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "bold red",
    Verdict.NOT_PROVEN: "yellow",
    Verdict.WAIVED: "magenta",
    RunVerdict.GO: "bold white on green",
    RunVerdict.NO_GO: "bold white on red",
    RunVerdict.INCOMPLETE: "bold black on yellow",
}
_FINDINGS_MAX = 5
_LINE_MAX = 300


class Progress:
    """Listens to a run: one line a finished checkpoint, and below it, in a terminal, what is going on.

    Args:
        scope: the checkpoints of the run.
        console: where to write; standard error if none is given.
    """

    def __init__(self, scope: Collection[Checkpoint], console: Console | None = None) -> None:
        self._scope = scope
        # pytest redirects descriptor 2 while a scenario runs: this is a copy from before.
        self._own = None if console else os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8")
        self._console = console or Console(file=self._own)
        self._events: list[Event] = []
        self._now: Started | None = None
        self._told: dict[str, Verdict] = {}
        self._coming: dict[str, Planned] = {}
        self._left: set[str] = set()
        self._begun = time.monotonic()
        self._spinner = Spinner("line")
        self._live = Live(console=self._console, get_renderable=self._status, transient=True, redirect_stdout=False, redirect_stderr=False)
        self._animated = self._console.is_interactive and not self._console.no_color and not os.environ.get("CI")

    def __enter__(self) -> Self:
        """Begin the live view."""
        if self._animated:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End the live view and leave the terminal as it was."""
        self._live.stop()
        if self._own:
            self._own.close()

    def __call__(self, event: Event) -> None:
        """Take the next event of the run."""
        self._events.append(event)
        if isinstance(event, Planned):
            self._coming[event.scenario] = event
        elif isinstance(event, Started):
            self._coming.pop(event.scenario, None)
            left = set(self._now.checkpoints).difference(event.checkpoints) if self._now else set()
            self._left |= left
            self._tell(left.difference(*(planned.checkpoints for planned in self._coming.values())))
            self._now = event
        elif isinstance(event, RunFinished):
            self._tell((self._left | set(self._now.checkpoints if self._now else ())) - self._told.keys())
            self._now = None
        elif isinstance(event, HarnessFailed):
            _print(self._console, Text(f"TROUBLE  {one_line(event.what, _LINE_MAX)}", "yellow"))

    def _tell(self, identifiers: Collection[str]) -> None:
        """Write a line for each checkpoint that was left, and has no scenario to come."""
        if not identifiers:
            return
        run = evaluate(self._events, registry(), day_of(self._events))
        for result in (j for j in run.results if j.checkpoint.id in identifiers):
            self._told[result.checkpoint.id] = result.verdict
            line = Text.assemble(f"{result.checkpoint.id:<4} ", _word(result.verdict), f"  {result.checkpoint.title}")
            _print(self._console, line.append(f"  {duration(result.seconds)}", "dim"))

    def _status(self) -> Spinner:
        line = Text()
        if self._now:
            checkpoint = registry()[self._now.checkpoints[0]]
            line.append(f"{phases()[checkpoint.phase]} > {checkpoint.id} {checkpoint.title} > {one_line(self._now.name, _LINE_MAX)}")
        line.append(f"\n  {duration(time.monotonic() - self._begun)}  {len(self._told)} of {len(self._scope)}", "dim")
        for verdict in Verdict:
            if count := list(self._told.values()).count(verdict):
                line.append(f"  {count} {verdict}", COLOURS[verdict])
        scenarios = sum(isinstance(e, Finished) for e in self._events)
        self._spinner.update(text=line.append(f"  {scenarios} scenarios", "dim"))
        return self._spinner


def summary(run: Run, console: Console, folder: Path) -> None:
    """Write how a run ended: the verdict first, then what stands in the way, then the counts and where the report is."""
    _print(console, Text.assemble("\n", (f" {run.verdict} ", COLOURS[run.verdict]), f"  {headline(run)}"))
    version = run.started.versions.get("votecheck", "unknown")
    _print(
        console, Text(one_line(f"version {version}, run {run.started.run}, target {run.started.target}, {duration(run.seconds)}"), "dim")
    )
    for result in with_verdict(run, Verdict.FAILED):
        _blocker(run, result, console)
    _list(console, "Harness errors", [visible(t) for t in run.harness_errors])
    _list(console, "Not proven", [_open(o) for o in unproven(run)])
    _list(console, "Waived", [f"{_title(j)}: {one_line(j.reason)}" for j in with_verdict(run, Verdict.WAIVED)])
    _list(console, "Not looked at on this target", [f"{level} for {', '.join(ids)}" for level, ids in checkable_elsewhere(run).items()])
    _sweeps(run, console)
    _list(console, "Snapshots of the cluster", [str((folder / s.files[0]).parent) for s in run.snapshots if s.files])
    console.print()
    console.print(_counts(run))
    _print(console, Text(f"Planted defects: {self_tested(run)}"))
    _print(console, Text(f"Report: {folder / 'index.html'}"))


def _blocker(run: Run, result: CheckpointResult, console: Console) -> None:
    _print(console, Text.assemble("\n", _word(result.verdict), f"  {_title(result)}"))
    for found in result.findings[:_FINDINGS_MAX]:
        _print(console, Text(f"  {one_line(found.subject, _LINE_MAX)}"))
        for name in ("expected", "observed", "remedy"):
            if told := getattr(found, name):
                _print(console, Text.assemble((f"    {name:<9} ", "dim"), one_line(told, _LINE_MAX)))
    if not result.findings:
        _print(console, Text(f"    {one_line(result.reason)}"))
    if (rest := len(result.findings) - _FINDINGS_MAX) > 0:
        _print(console, Text(f"  and {rest} more, in the report"))
    _print(console, Text.assemble(("    again     ", "dim"), reproduce(run, result)))


def _sweeps(run: Run, console: Console) -> None:
    """Tell of the crash sweeps: a line each for who wants to release, a table for who asked for a part of the checkpoints."""
    for result in run.results:
        if not (points := crash_points(result)):
            continue
        _print(console, Text.assemble("\n", (_title(result), "bold"), f": {in_short(points)}"))
        if is_whole(run):
            continue
        table = Table("Crash point", "Witness", "Verdict", box=None, pad_edge=False, header_style="dim")
        table.add_column("To recover", justify="right")
        for point in points:
            verdict = Text(one_line(point.verdict), COLOURS[_verdict(point)])
            table.add_row(Text(one_line(point.name)), Text(one_line(point.witness)), verdict, duration(point.seconds))
        console.print(table)
        for crash in (v for p in points for v in p.crashes if not v.right):
            _print(console, Text(f"  {one_line(f'{crash.point}, {crash.how}: {crash.verdict}', _LINE_MAX)}"))


def _verdict(point: CrashPoint) -> Verdict:
    return Verdict.FAILED if point.wrong else Verdict.PASSED if point.verdict == RIGHT else Verdict.NOT_PROVEN


def _list(console: Console, title: str, items: Collection[str]) -> None:
    if items:
        _print(console, Text(f"\n{title}", "bold"))
    for item in items:
        _print(console, Text(f"  {item}"))


def _open(group: Open) -> str:
    titles = "\n  ".join(_title(result) for result in group.results)
    return f"{titles}\n       {one_line(group.reason, _LINE_MAX)}\n       {group.command}"


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


def _word(verdict: Verdict) -> tuple[str, str]:
    return f"{verdict:<10}", COLOURS[verdict]


def _print(console: Console, line: Text) -> None:
    # Whole lines: a command that was wrapped cannot be copied.
    console.print(line, soft_wrap=True, highlight=False, markup=False)
