"""The commands of `votecheck defects`."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from validation.core.errors import UsageError
from validation.core.interruption import sigterm_interrupts
from validation.defects import catalogue
from validation.defects.proving.bench import HERE, Bench
from validation.defects.proving.proof import Outcome
from validation.defects.results import FOLDER, RESULTS, digest_of_sources, is_current, read, self_tested
from validation.defects.selection import Chosen, Wanted, choose, split
from validation.pytest_plugin.execution import Interrupted
from validation.registry.checkpoints import select
from validation.report.model import tally

defects_app = typer.Typer(help="The proof that the judge can say no.", no_args_is_help=True)
talk = Console(stderr=True)


@defects_app.command(name="list")
def defects_list(checkpoint: Annotated[str, typer.Option(help="only those that these must see: 5.1,6.3")] = "") -> None:
    """List the defects of the catalogue, and the checkpoints that must see them."""
    wanted = {c.id for c in select(ids=checkpoint.split(","))} if checkpoint else None
    for defect in catalogue.choose(()):
        if wanted is None or wanted & {*defect.checkpoints, *defect.cluster_checkpoints}:
            live, broken = (f"{i} live" for i in defect.cluster_checkpoints), defect.load.broken if defect.load else ()
            seen_by = ", ".join([*defect.checkpoints, *live, *broken, *(["its tests"] if defect.tests else [])])
            print(f"{defect.id:4} {defect.layer:10} {seen_by:22} {defect.title}")  # noqa: T201 - data goes to stdout


@defects_app.command(name="run")
def defects_run(  # noqa: PLR0913, PLR0917 - one parameter an option
    defect: Annotated[list[str] | None, typer.Option("--defect", help="only these: D3,D4; may be repeated")] = None,
    layer: Annotated[list[str] | None, typer.Option("--layer", help="only those of these layers: chart,source; may be repeated")] = None,
    checkpoint: Annotated[
        list[str] | None, typer.Option("--checkpoint", help="only those that one of these must see: 5.1,B3; may be repeated")
    ] = None,
    since: Annotated[
        str,
        typer.Option(
            metavar="REF",
            help="only those that a change since this git ref can affect: the files that they change, their entry, the features and steps "
            "that must see them; all, when the judge changed. Other files of the system and the chart are not looked at",
        ),
    ] = "",
    matrix: Annotated[
        bool, typer.Option("--matrix", help="let all checkpoints look at each, on this machine: what fell besides, who saw what alone")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="take results from the reports where the defect, the source (documents aside) and Python were the same"
        ),
    ] = False,
    live: Annotated[bool, typer.Option("--live", help="in a cluster, those that must be seen there, one after the other")] = False,
    kubeconfig: Annotated[str, typer.Option(help="which clusters there are; without it what kubectl takes")] = "",
    context: Annotated[str, typer.Option(help="which of them")] = "",
    load_command: Annotated[str, typer.Option(help="brings images, its arguments, to the nodes; minikube and kind need none")] = "",
    reports: Annotated[Path, typer.Option("--reports", help="the folder for records and reports: results.jsonl is in its defects/")] = Path(
        "reports"
    ),
) -> None:
    """Plant each defect in a copy of the system and see its checkpoints turn red.

    Exit 0 when each was caught, 1 when one was not, 3 when the unchanged system is not green. An interrupted run keeps what was seen.
    """
    named = {"--kubeconfig": kubeconfig, "--context": context, "--load-command": load_command}
    options = tuple(word for name, value in named.items() if value for word in (name, value))
    if options and not live:
        raise UsageError(f"{options[0]} is about a cluster, and nothing here needs one.", "", "votecheck defects run --live")
    if matrix and live:
        raise UsageError("--matrix is made on this machine, not in a cluster.", "", "votecheck defects run --matrix")
    bench = Bench(options) if live else HERE
    wanted = Wanted(split(defect, "--defect"), split(layer, "--layer"), split(checkpoint, "--checkpoint"), since)
    chosen = choose(wanted, bench)
    for note in chosen.notes:
        talk.print(escape(note), soft_wrap=True)
    if not chosen.defects:
        raise typer.Exit
    file = reports.resolve() / FOLDER / RESULTS
    try:
        with sigterm_interrupts():
            all_caught = _fill(chosen, file, resume=resume) if matrix else _prove(chosen, bench, file, resume=resume)
    except KeyboardInterrupt:
        _say(f"What was seen until now is in {file}: the same command with --resume goes on from there.")
        raise Interrupted from None
    raise typer.Exit(0 if all_caught else 1)


def _prove(chosen: Chosen, bench: Bench, file: Path, *, resume: bool) -> bool:
    from validation.defects.batch import prove_all  # noqa: PLC0415 - `list` needs no reports

    caught = 0
    with closing(prove_all(chosen.defects, bench, file, _say, resume=resume)) as proofs:  # ends what runs when we are interrupted here
        for proof in proofs:
            caught += proof.outcome == Outcome.CAUGHT
            title, detail = catalogue.catalogue()[proof.defect].title, " ".join(proof.detail.split())
            _tell(f"{proof.defect:4} {proof.outcome:12} {proof.seconds:4.0f} s  {title}. {detail}")
    _tell(f"{caught} of {len(chosen.defects)} caught")
    _say(tally(_seen_now(file)))
    return caught == len(chosen.defects)


def _fill(chosen: Chosen, file: Path, *, resume: bool) -> bool:
    from validation.defects.batch import fill  # noqa: PLC0415
    from validation.defects.matrix.html import write  # noqa: PLC0415 - `list` needs no templates

    filled = fill(chosen.defects, file, _say, resume=resume)
    red = _seen_now(file)
    _say(f"Report: {file.parent / 'index.html'}")
    _tell(write(file.parent, filled, catalogue.catalogue(), red))
    return all(map(filled.is_caught, filled.rows))


def _seen_now(file: Path) -> frozenset[str]:
    """The checkpoints that have been seen to fail by this very source, in this call or before."""
    known, sources = catalogue.catalogue(), digest_of_sources()
    return self_tested((line for line in read(file) if line.defect in known and is_current(line, known[line.defect], sources)), known)


def _say(line: str) -> None:
    talk.print(escape(line), soft_wrap=True, highlight=False)


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - data goes to stdout
