"""`votecheck waive`."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import tomli_w
import typer

from validation.cli.console import print_json, print_message
from validation.cli.options import OUTPUT, SCOPE, Json, Reports, examples
from validation.cli.reports import run_folder
from validation.core.commands import command
from validation.core.errors import UsageError
from validation.core.files import write_whole
from validation.record.waivers import parsed

EPILOG = examples(
    "votecheck waive 4.3 --owner board@example.org --reason 'no seccomp there, OPS-12' --expires 2099-12-31",
    "votecheck waive B14 --finding 'not proven' --owner board@example.org --reason 'no database' --expires 2099-12-31",
)


def waive(  # noqa: PLR0913, PLR0917 - one parameter per option
    checkpoint: Annotated[str, typer.Argument(metavar="CHECKPOINT", help="Id of a checkpoint that is not PASSED.")],
    owner: Annotated[str, typer.Option(metavar="NAME", help="Who answers for it.", rich_help_panel=OUTPUT)],
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why the release may ship, for example with the number of a ticket.", rich_help_panel=OUTPUT)
    ],
    expires: Annotated[
        str, typer.Option(metavar="DATE", help="The last day on which it counts, such as 2026-12-31.", rich_help_panel=OUTPUT)
    ],
    finding: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="Only this finding, as the run names it. Repeatable (default: all of the checkpoint).",
            rich_help_panel=SCOPE,
        ),
    ] = None,
    run: Annotated[str, typer.Option("--run", metavar="RUN", help="The run that has the findings.", rich_help_panel=SCOPE)] = "latest",
    file: Annotated[
        Path, typer.Option("--file", metavar="FILE", help="File of waivers, which is extended or created.", rich_help_panel=OUTPUT)
    ] = Path("waivers.toml"),
    reports: Reports = Path("reports"),
    json: Json = False,
) -> None:
    """Permit a release to ship although a checkpoint of a run is not PASSED: one waiver for each of its findings.

    Exit code: 0 if they were written.
    """
    from validation.report.model import load  # noqa: PLC0415 - `list` needs no reports

    loaded = load(run_folder(reports, run))
    result = next((one for one in loaded.results if one.checkpoint.id.lower() == checkpoint.strip().lower()), None)
    if result is None:
        raise UsageError(f"Run {loaded.started.run} has no checkpoint {checkpoint}.", "it was not in scope", "votecheck run")
    open_points = result.open_points
    chosen = tuple(finding or open_points)
    if unknown := [one for one in chosen if one not in open_points]:
        names = "; ".join(open_points) or "none: it is PASSED"
        raise UsageError(f"{result.checkpoint.id} has no finding {unknown[0]}. Its findings: {names}.", "", "votecheck report")
    if not chosen:
        raise UsageError(f"{result.checkpoint.id} is {result.verdict}: there is nothing to waive.", "", "votecheck report")
    last = _day(expires)
    version = loaded.started.versions.get("votecheck", "")
    common: dict[str, str | date] = {"version": version, "reason": reason, "owner": owner, "expires": last}
    written = [{"id": result.checkpoint.id, "finding": one, **common} for one in chosen]
    _extend(file, written)
    for one in chosen:
        print_message(f"Waived until {last} for version {version}: {result.checkpoint.id}, {one}")
    if json:
        print_json({"file": str(file), "waivers": written})
    print_message(f"Use it: {command('votecheck', 'run', '--waivers', str(file))}")


def _day(expires: str) -> date:
    try:
        return date.fromisoformat(expires)
    except ValueError:
        raise UsageError(f"--expires {expires} is not a day.", "", "votecheck waive --help") from None


def _extend(file: Path, entries: Sequence[dict[str, str | date]]) -> None:
    """Append waivers to a file, whose text stays as it is.

    Raises:
        UsageError: the result would not be usable, for example because a finding is waived already; the file is then unchanged.
    """
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    gap = "\n" * bool(before.strip())
    text = f"{before}{gap}{tomli_w.dumps({'waiver': list(entries)})}"
    parsed(text, file)
    write_whole(file, text)
