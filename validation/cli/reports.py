"""The commands about earlier runs: `votecheck report`, `verify` and `diff`."""

from pathlib import Path
from typing import Annotated

import typer

from validation.cli.console import print_data, print_message, stderr
from validation.cli.options import Reports, RunId
from validation.core.errors import UsageError
from validation.record.runs import RECORD

SHOWN_RUNS = 5


def report(run: RunId = "latest", reports: Reports = Path("reports")) -> None:
    """Regenerate the reports of a run from its record, and print its verdict."""
    from validation.report.terminal import summary  # noqa: PLC0415 - `list` needs no templates
    from validation.report.write import write_all  # noqa: PLC0415

    folder = _run_folder(reports, run)
    summary(write_all(folder), stderr, folder)


def verify(run: RunId = "latest", reports: Reports = Path("reports")) -> None:
    """Check that a run's record is unchanged, recompute the verdict and compare it with results.json.

    Exit code: 0 if both match, 1 if not.
    """
    from validation.report.model import load  # noqa: PLC0415
    from validation.report.verify import verify as check  # noqa: PLC0415

    folder = _run_folder(reports, run)
    if problems := check(folder):
        for problem in problems:
            print_message(problem)
        raise typer.Exit(1)
    print_message(f"Record intact; recomputed verdict {load(folder).verdict} matches.")


def diff(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="Id of a run.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="Id of a later run, or latest.")] = "latest",
    reports: Reports = Path("reports"),
) -> None:
    """Show what changed from one run to another: verdicts, findings and durations."""
    from validation.report.diff import compare  # noqa: PLC0415

    print_data(compare(_run_folder(reports, before), _run_folder(reports, after)))


def _run_folder(reports: Path, run: str) -> Path:
    from validation.defects.results import FOLDER  # noqa: PLC0415

    folder = (reports / run).resolve()
    if not (folder / RECORD).is_file():
        runs = sorted(f.parent.name for f in reports.glob(f"*/{RECORD}") if f.parent.name != FOLDER)
        latest = f"Valid ids: {', '.join(runs[-SHOWN_RUNS:])}." if runs else "The folder has no runs."
        raise UsageError(f"There is no run {run} in {reports}. {latest}", "", "votecheck run")
    return folder
