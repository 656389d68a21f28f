"""The commands about earlier runs: `votecheck report`, `verify` and `diff`."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from validation.cli.console import print_data, print_json, print_message, stderr
from validation.cli.options import Json, Reports, RunId
from validation.core.errors import HARNESS_EXIT, UsageError
from validation.record.run_ids import RECORD

SHOWN_RUNS = 5


def report(run: RunId = "latest", reports: Reports = Path("reports"), json: Json = False) -> None:
    """Regenerate the reports of a run from its record, and print its verdict.

    Exit code: 0 if they were written, else 3.
    """
    from validation.report.model import load  # noqa: PLC0415 - `list` needs no templates
    from validation.report.results_json import RESULTS  # noqa: PLC0415
    from validation.report.terminal import summary  # noqa: PLC0415
    from validation.report.write import write_all  # noqa: PLC0415

    folder = run_folder(reports, run)
    written = write_all(folder)
    summary(written, stderr, folder)
    if json:
        print_data((folder / RESULTS).read_text(encoding="utf-8").rstrip())
    if written.harness_errors != load(folder).harness_errors:
        raise typer.Exit(HARNESS_EXIT)


def verify(
    run: Annotated[str, typer.Argument(metavar="[RUN]", help="Id of a run, or the path of its folder or of a pack.")] = "latest",
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="Public key of whoever must have signed the pack: PEM.")] = None,
    reports: Reports = Path("reports"),
    json: Json = False,
) -> None:
    """Check that nothing in a run or a pack was changed, and that the record leads to the same verdict again.

    Exit code: 0 if everything matches, 1 if not, 3 if nobody is known to have signed the pack.
    """
    from validation.pack.archive import is_pack  # noqa: PLC0415
    from validation.report.verify import load_and_verify  # noqa: PLC0415

    if is_pack(Path(run)):
        raise typer.Exit(_verify_pack(Path(run), key, json=json))
    if key:
        raise UsageError(f"{run} is a run, and only packs are signed.", "--key is for packs", "votecheck bundle --key FILE")
    folder = run_folder(reports, run)
    loaded, problems = load_and_verify(folder)
    verdict = loaded.verdict if loaded and not problems else ""
    if json:
        print_json({"run": folder.name, "verified": not problems, "verdict": verdict, "problems": problems})
    if problems:
        for problem in problems:
            print_message(problem)
        raise typer.Exit(1)
    print_message(f"Record intact; recomputed verdict {verdict} matches.")


def _verify_pack(pack: Path, key: Path | None, *, json: bool) -> int:
    from validation.pack.archive import opened  # noqa: PLC0415 - takes cryptography and the chart's library to import
    from validation.pack.verification import verify_pack  # noqa: PLC0415
    from validation.report.subject import facts  # noqa: PLC0415

    with opened(pack) as folder:
        found = verify_pack(folder, key)
    run = found.run if not found.problems else None
    for problem in found.problems:
        print_message(problem)
    if run:
        print_message(f"{run.verdict}: run {run.started.run}, target {run.started.target}. The record leads to this verdict again.")
        for name, value in facts(run):
            print_message(f"{name}: {value}")
    for sentence in found.unchecked:
        print_message(f"Not checked. {sentence}")
    if found.signed and not found.problems:
        print_message(f"Signed by the owner of {key}.")
    if json:
        verdict = str(run.verdict) if run else ""
        print_json(
            {"pack": str(pack), "verified": not found.problems, "signed": found.signed, "verdict": verdict,
             "problems": found.problems, "unchecked": found.unchecked}
        )  # fmt: skip
    return 1 if found.problems else 0 if found.signed else HARNESS_EXIT


def diff(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="Id of a run, or the path of its folder, record or pack.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="A later run, likewise.")] = "latest",
    reports: Reports = Path("reports"),
    json: Json = False,
) -> None:
    """Show what changed from one run to another: verdicts, findings, durations, subject, settings, observations and measurements.

    Of two packs it also compares the rendered chart and the network table, and of runs that hold them the OpenAPI description, the packages
    of images and a load run. It says what was not compared.
    """
    from validation.load.held import compare_held  # noqa: PLC0415 - `list` needs no load runs
    from validation.report.diff import as_data, compare  # noqa: PLC0415

    with ExitStack() as stack:
        folders = _opened(stack, reports, before), _opened(stack, reports, after)
        load_runs = compare_held(*folders, reports)
        if json:
            print_json(as_data(*folders, load_runs))
        else:
            print_data(compare(*folders, load_runs))


def _opened(stack: ExitStack, reports: Path, run: str) -> Path:
    """Return the folder of a run; that of a pack is inside it, and unpacked until the stack is closed.

    Raises:
        UsageError: the run does not exist, or the pack is not one of a run.
    """
    from validation.pack.archive import is_pack, opened  # noqa: PLC0415 - `list` needs no archives

    if not is_pack(Path(run)):
        return run_folder(reports, run)
    place = stack.enter_context(opened(Path(run)))
    records = list(place.glob(f"*/{RECORD}"))
    if len(records) != 1:
        raise UsageError(f"{run} is not a pack: it does not hold exactly one run.", "", "votecheck bundle")
    return records[0].parent


def run_folder(reports: Path, run: str) -> Path:
    """Return the folder of a run, which is named by its id, its folder or a file in that.

    Raises:
        UsageError: the run does not exist.
    """
    from validation.defects.results import FOLDER  # noqa: PLC0415

    given = Path(run)
    for folder in (reports / run, given.parent if given.is_file() else given):
        if (folder / RECORD).is_file():
            return folder.resolve()
    runs = sorted(f.parent.name for f in reports.glob(f"*/{RECORD}") if f.parent.name != FOLDER)
    latest = f"Valid ids: {', '.join(runs[-SHOWN_RUNS:])}." if runs else "The folder has no runs."
    raise UsageError(f"There is no run {run} in {reports}, and no record at that path. {latest}", "", "votecheck run")
