"""The command line. Talk goes to stderr, data to stdout; every error says what happened, the likely cause and the next command."""

import re
import secrets
import shutil
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from validation.cli import doctor as doctors
from validation.cli.defects import defects_app
from validation.cli.load import load_app
from validation.cli.mutants import mutate
from validation.core.errors import HarnessError, UsageError
from validation.core.settings import PROJECT, SHIPPED_TARGETS, RunSettings, known_target
from validation.defects import catalogue
from validation.defects.results import FOLDER, RESULTS, last_known
from validation.pytest_plugin.execution import Interrupted, execute
from validation.record.runs import RECORD, new_run_id
from validation.record.verdicts import HARNESS_EXIT, INTERRUPTED_EXIT, USAGE_EXIT, RunVerdict
from validation.record.waivers import read_waivers
from validation.registry.checkpoints import BEYOND, Checkpoint, phases, select
from validation.targets import removers
from validation.targets.preflight import preflight

app = typer.Typer(
    name="votecheck",
    help="Judge a release of the voting system: GO (0), NO-GO (1) or INCOMPLETE (3). Wrong usage is 2, an interrupted run 130.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
defects_app.command(name="mutate")(mutate)
app.add_typer(defects_app, name="defects")
app.add_typer(load_app, name="load")
talk = Console(stderr=True)

Phase = Annotated[list[int] | None, typer.Option("--phase", help="only this phase (1 to 8); may be repeated")]
TargetName = Annotated[str, typer.Option("--target", help=f"where the system runs: {', '.join(SHIPPED_TARGETS)}")]
Ids = Annotated[str, typer.Option("--checkpoint", help="only these checkpoints: 5.1,6.3")]
Beyond = Annotated[bool, typer.Option("--beyond/--no-beyond", help="with the checks beyond the protocol")]
Reports = Annotated[Path, typer.Option("--reports", help="the folder for records and reports")]
Source = Annotated[Path, typer.Option("--source", help="the folder whose system/, chart/ and documents are judged")]
RunName = Annotated[str, typer.Argument(help="a run's id, or latest")]


@app.command()
def run(  # noqa: PLR0913, PLR0917 - one parameter an option
    target: TargetName = "local",
    phase: Phase = None,
    checkpoint: Ids = "",
    beyond: Beyond = True,
    accept_incomplete: Annotated[
        bool, typer.Option("--accept-incomplete", help="exit 0 although something is NOT PROVEN; the verdict stays INCOMPLETE")
    ] = False,
    api_url: Annotated[str, typer.Option(help="somebody else's API: observed, voted on, never destroyed")] = "",
    redis_url: Annotated[str, typer.Option(help="somebody else's Redis")] = "",
    database_url: Annotated[str, typer.Option(help="somebody else's PostgreSQL")] = "",
    minutes: Annotated[float, typer.Option(min=0.1, max=1440, help="how long B10 lets random faults rain")] = 0.25,
    seed: Annotated[int | None, typer.Option(min=0, help="draw the same random faults again; a run prints its seed")] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="each kind of fault and crash point once, over fewer votes: half of the time, and it clears no release"
        ),
    ] = False,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="look no further at a checkpoint that has failed")] = False,
    redis_setting: Annotated[
        list[str] | None, typer.Option("--redis-setting", help="name=value of our own Redis, to see what it would cost; may be repeated")
    ] = None,
    image_tag: Annotated[str, typer.Option(help="the tag of the two images to judge; without it each part's released version")] = "",
    vulnerability_db: Annotated[str, typer.Option(help="a folder with a vulnerability database of trivy's, for B14")] = "",
    kubeconfig: Annotated[str, typer.Option(help="which clusters there are; without it what kubectl takes")] = "",
    context: Annotated[str, typer.Option(help="which of them")] = "",
    release: Annotated[str, typer.Option(help="somebody else's release of the chart: read and voted on, never changed")] = "",
    release_namespace: Annotated[str, typer.Option(help="where helm keeps that release's records")] = "default",
    load_command: Annotated[str, typer.Option(help="brings images, its arguments, to the nodes; minikube and kind need none")] = "",
    waivers: Annotated[Path | None, typer.Option(help="a file of waivers")] = None,
    source: Source = PROJECT,
    reports: Reports = Path("reports"),
    json: Annotated[bool, typer.Option("--json", help="print results.json on stdout")] = False,
) -> None:
    """Run the protocol and give the verdict."""
    from validation.report.terminal import Progress, summary  # noqa: PLC0415 - `list` and `explain` need no templates
    from validation.report.write import write_all  # noqa: PLC0415

    scope = select(phase or (), checkpoint.split(","), beyond=beyond)
    for setting in redis_setting or ():
        if not re.fullmatch(r"[a-z-]+=\S*", setting):
            raise UsageError(f"--redis-setting {setting} is not name=value.", "for example appendfsync=everysec", "votecheck run --help")
    settings = RunSettings(
        source.resolve(), known_target(target), api_url, redis_url, database_url, reports.resolve(), new_run_id(), minutes,
        redis_settings=tuple(redis_setting or ()), image_tag=image_tag, vulnerability_db=vulnerability_db,
        kubeconfig=kubeconfig, context=context, release=release, release_namespace=release_namespace, load_command=load_command,
        seed=secrets.randbelow(2**31) if seed is None else seed, quick=quick, fail_fast=fail_fast,
    )  # fmt: skip
    waived = read_waivers(waivers)
    if told := preflight(settings):
        talk.print(escape(told), soft_wrap=True)
    with Progress(scope) as progress:
        try:
            execute(settings, scope, waived, (progress,), last_known(settings.reports / FOLDER / RESULTS, catalogue.catalogue()))
        finally:
            judged = write_all(settings.folder)
    summary(judged, talk, settings.folder)
    _tell_where()
    if json:
        sys.stdout.write((settings.folder / "results.json").read_text(encoding="utf-8"))
        sys.stdout.flush()  # at Python's own end, a reader that is gone would make it 120
    accepted = accept_incomplete and judged.verdict is RunVerdict.INCOMPLETE and not judged.harness_failed
    raise typer.Exit(0 if accepted else judged.exit_code)


@app.command()
def plan(target: TargetName = "local", phase: Phase = None, checkpoint: Ids = "", beyond: Beyond = True) -> None:
    """Show what a run would look at, and what it could not prove there."""
    shows = RunSettings(target=known_target(target)).shows
    for chosen in select(phase or (), checkpoint.split(","), beyond=beyond):
        seen = [n for n in chosen.needs if n in shows]
        how = f"judged at {', '.join(seen)}" if seen else f"NOT PROVEN there: needs {', '.join(chosen.needs)}"
        print(f"{chosen.id:4} {chosen.title:45} {how}")  # noqa: T201 - data goes to stdout


@app.command(name="list")
def list_(phase: Phase = None) -> None:
    """List the checkpoints."""
    for chosen in select(phase or ()):
        print(f"{chosen.id:4} {phases()[chosen.phase]:20} {chosen.title}")  # noqa: T201 - data goes to stdout


@app.command()
def explain(checkpoint: Annotated[str, typer.Argument(help="its id, such as 5.1")]) -> None:
    """Say what a checkpoint proves, where it is judged and which defects it has been seen to catch."""
    (chosen,) = _one(checkpoint)
    phase = "beyond the protocol" if chosen.phase == BEYOND else f"{chosen.phase}, {phases()[chosen.phase]}"
    lines = [
        f"{chosen.id}  {chosen.title}",
        "",
        chosen.proves,
        "",
        f"Phase:       {phase}",
        f"CheckpointResult at:   {', '.join(chosen.needs)}",
        *(["Origin:      counted by the original protocol, not written down there: reconstructed"] if chosen.reconstructed else []),
        *(f"Seen red by: {d.id} {d.title}" for d in catalogue.choose(()) if chosen.id in {*d.checkpoints, *d.cluster_checkpoints}),
        f"Run it:      votecheck run --checkpoint {chosen.id}",
    ]
    print("\n".join(lines))  # noqa: T201 - data goes to stdout


@app.command()
def doctor() -> None:
    """Look whether this machine has what the harness needs, and say what to do where it has not."""
    findings = doctors.examine()
    for finding in findings:
        print(f"{'ok  ' if finding.good else 'no  ' if finding.needed else '-   '} {finding.what:28} {finding.seen}")  # noqa: T201
    if any(f.needed and not f.good for f in findings):
        raise typer.Exit(HARNESS_EXIT)


@app.command()
def report(run_id: RunName = "latest", reports: Reports = Path("reports")) -> None:
    """Make the reports of a run again from its record, and print its verdict."""
    from validation.report.terminal import summary  # noqa: PLC0415
    from validation.report.write import write_all  # noqa: PLC0415

    folder = _run_folder(reports, run_id)
    summary(write_all(folder), talk, folder)


@app.command()
def verify(run_id: RunName = "latest", reports: Reports = Path("reports")) -> None:
    """Compute the verdict of a run again from its sealed record and compare it with what was reported."""
    from validation.report.verify import verify as check  # noqa: PLC0415

    problems = check(_run_folder(reports, run_id))
    for problem in problems:
        talk.print(escape(problem))
    if problems:
        raise typer.Exit(1)
    talk.print("The record is whole and the verdict is what it says.")


@app.command()
def diff(run_a: RunName, run_b: RunName = "latest", reports: Reports = Path("reports")) -> None:
    """Show what changed from one run to another."""
    from validation.report.diff import compare  # noqa: PLC0415

    print(compare(_run_folder(reports, run_a), _run_folder(reports, run_b)))  # noqa: T201 - data goes to stdout


@app.command()
def up(port: Annotated[int, typer.Option(min=1, max=65535, help="where the API listens")] = 8000) -> None:
    """Start the voting system for people to use, until Ctrl-C."""
    from validation.cli.up import serve  # noqa: PLC0415

    serve(RunSettings(run=new_run_id()), port, talk)


@app.command()
def images(
    source: Source = PROJECT,
    tag: Annotated[str, typer.Option(help="their tag; without it each part's released version")] = "",
) -> None:
    """Build the two images with the container engine that answers."""
    from validation.images import engines  # noqa: PLC0415 - `list` and `explain` need no engine
    from validation.images.build import build_all  # noqa: PLC0415

    engine = engines.answering(engines.BUILDERS)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was begun is ended and removed
    talk.print(f"Building with {engine.name}; from a cold cache about a minute.")
    for built in build_all(engine, source.resolve(), tag):
        lines = [
            f"{built.reference}  {built.size / 1e6:.0f} MB, {built.seconds:.1f} s",
            f"  image   {built.digest}",
            f"  source  {built.source_digest}",
            *(f"  layer   {layer.size:>8}  {layer.made_by[:90]}" for layer in built.layers),
        ]
        print("\n".join(lines), flush=True)  # noqa: T201 - data goes to stdout


def _one(identifier: str) -> tuple[Checkpoint, ...]:
    if not identifier.strip():
        raise UsageError("No checkpoint was named.", "", "votecheck list")
    return select(ids=[identifier])


def _run_folder(reports: Path, run_id: str) -> Path:
    folder = (reports / run_id).resolve()
    if not (folder / RECORD).is_file():
        known = sorted(f.parent.name for f in reports.glob(f"*/{RECORD}") if f.parent.name != FOLDER)
        raise UsageError(f"There is no run {run_id} in {reports}.", f"known are {', '.join(known[-5:]) or 'none'}", "votecheck run")
    return folder


def main() -> NoReturn:
    """Run the command line; pytest's and Python's own exit codes never leak."""
    removers.register_all()
    try:
        app()
    except SystemExit as ended:  # typer and rich end with 1 when whoever reads their output is gone, and 1 means NO-GO
        sys.exit(HARNESS_EXIT if isinstance(ended.__context__, (OSError, typer.Abort)) else ended.code)
    except Interrupted:
        _end("Interrupted. Everything that was started is gone.", INTERRUPTED_EXIT)
    except KeyboardInterrupt:
        _end("Interrupted.", INTERRUPTED_EXIT)
    except UsageError as error:
        _end(str(error), USAGE_EXIT)
    except HarnessError as error:
        _end(str(error), HARNESS_EXIT)
    except Exception as error:  # noqa: BLE001 - Python would exit 1, which means NO-GO
        trace = Path(tempfile.mkstemp(prefix="votecheck-crash-", suffix=".txt")[1])
        trace.write_text(traceback.format_exc(), encoding="utf-8")
        _end(
            f"votecheck itself crashed: {type(error).__name__}: {error}\nLikely: a fault of the harness\nNext: report {trace}", HARNESS_EXIT
        )
    sys.exit(0)


def _tell_where() -> None:
    """A newcomer has called make, and has no `votecheck` on the PATH yet."""
    if shutil.which("votecheck") is None:
        talk.print("votecheck is in .venv/bin: source .venv/bin/activate", style="dim")


def _end(text: str, code: int) -> NoReturn:
    talk.print(escape(text), style="bold", soft_wrap=True)
    if "votecheck" in text:
        _tell_where()
    sys.exit(code)
