"""`votecheck merge`."""

from pathlib import Path
from typing import Annotated

import typer

from validation.cli.ending import end_with
from validation.cli.options import AcceptIncomplete, Json, Reports, examples

EPILOG = examples("votecheck merge shard-1 shard-2 shard-3 shard-4", "votecheck merge downloads/* --reports reports")


def merge(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR...", help="Folder of a shard's run, or one that holds such folders, for each shard.", show_default=False
        ),
    ],
    accept_incomplete: AcceptIncomplete = False,
    reports: Reports = Path("reports"),
    json: Json = False,
) -> None:
    """Merge the shards of a run into one run with one record and one verdict.

    Each shard's record is verified and kept. Shards that do not make one whole run are refused: one that is missing, given twice, changed,
    or run on another subject or with other options.

    Exit code: that of the merged run, as for votecheck run; 2 if the shards are refused.
    """
    from validation.report import merge as merging  # noqa: PLC0415 - `--help` needs no reports
    from validation.report.write import write_all  # noqa: PLC0415

    folder = merging.merge(folders, reports)
    end_with(write_all(folder), folder, accept_incomplete=accept_incomplete, json=json)
