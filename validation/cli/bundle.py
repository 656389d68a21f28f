"""`votecheck bundle`."""

import json as to_json
from pathlib import Path
from typing import Annotated

import typer

from validation.cli.console import print_json, print_message
from validation.cli.options import OUTPUT, Json, Reports, RunId, Source, examples
from validation.cli.reports import run_folder
from validation.core.commands import command
from validation.core.errors import UsageError
from validation.core.settings import PROJECT

EPILOG = examples(
    "votecheck bundle", "votecheck bundle --key key.pem --to /srv/packs", "votecheck verify reports/latest.pack --key key.pub.pem"
)


def bundle(  # noqa: PLR0913, PLR0917 - one parameter per option
    run: RunId = "latest",
    key: Annotated[
        Path | None,
        typer.Option(
            "--key", metavar="FILE", help="Sign with this private key: Ed25519 or ECDSA, PEM without a password.", rich_help_panel=OUTPUT
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FOLDER", help="Where to write the pack (default: beside the run).", rich_help_panel=OUTPUT),
    ] = None,
    source: Source = PROJECT,
    reports: Reports = Path("reports"),
    json: Json = False,
) -> None:
    """Write a run with all that supports its verdict as one pack: a folder RUN.pack and an archive RUN.pack.tar.gz.

    Exit code: 0 if it was written.
    """
    from validation.pack import archive  # noqa: PLC0415 - `list` needs no cryptography
    from validation.pack.contents import contents, digests  # noqa: PLC0415
    from validation.pack.signing import signed  # noqa: PLC0415
    from validation.pack.statement import ENVELOPE, STATEMENT, statement  # noqa: PLC0415
    from validation.report.verify import load_and_verify  # noqa: PLC0415

    folder = run_folder(reports, run)
    loaded, problems = load_and_verify(folder)
    if loaded is None or problems:
        raise UsageError(
            f"The reports of {folder.name} do not follow from its record: {problems[0]}",
            "another version wrote them, or they were changed",
            command("votecheck", "report", folder.name, "--reports", str(reports)),
        )
    files, missing = contents(loaded, folder, source.resolve())
    payload = to_json.dumps(statement(loaded, digests(files), missing), indent=2).encode() + b"\n"
    files[STATEMENT] = payload
    if key:
        files[ENVELOPE] = signed(payload, key)
    place = (to.resolve() if to else folder.parent) / f"{folder.name}.pack"
    written = archive.write(place, files)
    for sentence in missing:
        print_message(f"Missing: {sentence}")
    print_message(f"{len(files)} files, {'signed' if key else 'not signed'}: {written}")
    print_message(f"Verify: {command('votecheck', 'verify', str(written), *(('--key', 'PUBLIC.pem') if key else ()))}")
    if json:
        print_json({"pack": str(place), "archive": str(written), "signed": bool(key), "files": sorted(files), "missing": missing})
