"""`votecheck history`."""

from pathlib import Path
from typing import Annotated

import typer

from validation.cli.console import print_data, print_json
from validation.cli.options import Json
from validation.core.errors import UsageError


def history(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of runs, or of downloaded reports.")] = Path("reports"),
    json: Json = False,
) -> None:
    """Show what several runs say together: verdicts, unstable checkpoints, the first bad commit, and durations.

    It reads the results.json of each run; votecheck verify checks that against the record.
    """
    from validation.report.across import history as across  # noqa: PLC0415 - `--help` needs no reports
    from validation.report.across import summaries, text  # noqa: PLC0415

    runs = summaries.read(folder)
    if not runs.summaries:
        raise UsageError(f"There are no runs in {folder}.", "the folder is that of one run, or no run was made here", "votecheck run")
    found = across.history(runs.summaries)
    if json:
        print_json(found)
    else:
        print_data(text.render(found, runs))
