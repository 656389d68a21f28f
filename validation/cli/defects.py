"""The commands of `votecheck defects`."""

import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import structs

from validation.cli.console import print_data, print_json, print_message
from validation.cli.options import CLUSTER, FLAG, OUTPUT, SCOPE, Context, Json, Kubeconfig, LoadCommand, Reports, ShardOption, examples
from validation.core import shards
from validation.core.commands import command
from validation.core.errors import HARNESS_EXIT, UsageError
from validation.core.interruption import Interrupted
from validation.defects import catalogue
from validation.defects.proving.bench import HERE, Bench
from validation.registry.checkpoints import select

if TYPE_CHECKING:
    from validation.defects.selection import Chosen

defects_app = typer.Typer(help="Self-test: check that votecheck catches seeded defects.", no_args_is_help=True)

EPILOG = examples(
    "votecheck defects run --defect D3,D4",
    "votecheck defects run --since main",
    "votecheck defects run --shard 2/4",
    "votecheck defects run --in-cluster --context kind-votes",
)


@defects_app.command(name="list")
def defects_list(
    checkpoint: Annotated[
        str, typer.Option(metavar="ID,...", help="Only defects that one of these checkpoints must catch.", rich_help_panel=SCOPE)
    ] = "",
    json: Json = False,
) -> None:
    """List the seeded defects and the checkpoints that must catch them."""
    catching = {c.id for c in select(ids=checkpoint.split(","))} if checkpoint else None
    listed = [d for d in catalogue.choose(()) if catching is None or catching & {*d.checkpoints, *d.cluster_checkpoints}]
    if json:
        print_json([_as_data(defect) for defect in listed])
        return
    rows = []
    for defect in listed:
        in_cluster = (f"{i} in a cluster" for i in defect.cluster_checkpoints)
        limits = defect.load.broken if defect.load else ()
        rows.append((defect, ", ".join([*defect.checkpoints, *in_cluster, *limits, *(["unit tests"] if defect.tests else [])])))
    width = max((len(caught_by) for _, caught_by in rows), default=0)
    for defect, caught_by in rows:
        print_data(f"{defect.id:4} {defect.layer:10} {caught_by:{width}}  {defect.title}")


def _as_data(defect: catalogue.Defect) -> dict[str, Any]:
    return {
        "id": defect.id,
        "title": defect.title,
        "layer": defect.layer,
        "checkpoints": defect.checkpoints,
        "cluster_checkpoints": defect.cluster_checkpoints,
        "limits": defect.load.broken if defect.load else (),
        "tests": defect.tests,
    }


@defects_app.command(name="run", epilog=EPILOG)
def defects_run(  # noqa: PLR0913, PLR0917 - one parameter per option
    defect: Annotated[
        list[str] | None, typer.Option("--defect", metavar="ID,...", help="Only these defects. Repeatable.", rich_help_panel=SCOPE)
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option("--layer", metavar="NAME,...", help="Only defects of these layers. Repeatable.", rich_help_panel=SCOPE),
    ] = None,
    checkpoint: Annotated[
        list[str] | None,
        typer.Option(
            "--checkpoint",
            metavar="ID,...",
            help="Only defects that one of these checkpoints must catch. Repeatable.",
            rich_help_panel=SCOPE,
        ),
    ] = None,
    since: Annotated[
        str,
        typer.Option(
            metavar="REF",
            help="Only defects whose own files, entry, features or steps changed since this git ref; all of them if the harness changed.",
            rich_help_panel=SCOPE,
        ),
    ] = "",
    stale: Annotated[
        bool,
        typer.Option(
            "--stale",
            metavar=FLAG,
            help="Only defects without a proof that still holds, and renew these proofs in validation/defects/proofs.jsonl.",
            rich_help_panel=SCOPE,
        ),
    ] = False,
    shard: ShardOption = "",
    in_cluster: Annotated[
        bool,
        typer.Option(
            "--in-cluster",
            metavar=FLAG,
            help="Seed the defects that need a cluster, one installation after the other.",
            rich_help_panel=CLUSTER,
        ),
    ] = False,
    kubeconfig: Kubeconfig = "",
    context: Context = "",
    load_command: LoadCommand = "",
    matrix: Annotated[
        bool,
        typer.Option(
            "--matrix",
            metavar=FLAG,
            help="Run all checkpoints against each defect on this machine, and write the matrix.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            metavar=FLAG,
            help="Reuse earlier results for the same defect, source (without documents) and Python.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    reports: Reports = Path("reports"),
    json: Json = False,
) -> None:
    """Seed each defect in a copy of the system and check that its checkpoints fail.

    An interrupted run keeps the results that it has, in REPORTS/defects/results.jsonl.

    Exit code: 0 all caught, 1 a defect survived, 3 the unchanged system is not GO or a proof is inconclusive.
    """
    from validation.defects.results import FOLDER, RESULTS  # noqa: PLC0415 - `--help` needs no parser of features
    from validation.defects.selection import Wanted, choose, split  # noqa: PLC0415
    from validation.defects.shards import in_shard  # noqa: PLC0415

    cluster_options = {"--kubeconfig": kubeconfig, "--context": context, "--load-command": load_command}
    given = tuple(word for name, value in cluster_options.items() if value for word in (name, value))
    if given and not in_cluster:
        raise UsageError(f"{given[0]} needs --in-cluster.", "", command("votecheck", "defects", "run", "--in-cluster", *given))
    if matrix and stale:
        raise UsageError("--matrix and --stale exclude each other: a matrix renews no proof.", "", "votecheck defects run --stale")
    if matrix and in_cluster:
        raise UsageError(
            "--matrix and --in-cluster exclude each other: the matrix is made on this machine.", "", "votecheck defects run --matrix"
        )
    part = shards.parse(shard, "votecheck defects run --shard 2/4")
    bench = Bench(given) if in_cluster else HERE
    filters = Wanted(split(defect, "--defect"), split(layer, "--layer"), split(checkpoint, "--checkpoint"), since, stale=stale)
    chosen = choose(filters, bench)
    chosen = in_shard(chosen, part, bench) if part else chosen
    for line in chosen.notes:
        print_message(line)
    if not chosen.defects:
        if json:
            print_json({"caught": 0, "of": 0, "proofs": []})
        raise typer.Exit
    file = reports.resolve() / FOLDER / RESULTS
    try:
        if matrix:
            code = _fill(chosen, file, resume=resume, json=json)
        else:
            code = _prove(chosen, bench, file, resume=resume, renewing=stale, json=json)
    except KeyboardInterrupt:
        again = [word for word in sys.argv[1:] if word != "--resume"]
        print_message(f"Results so far are in {file}. To continue: {command('votecheck', *again, '--resume')}")
        raise Interrupted from None
    raise typer.Exit(code)


def _prove(  # noqa: PLR0913 - one parameter per option
    chosen: "Chosen", bench: Bench, file: Path, *, resume: bool, renewing: bool, json: bool
) -> int:
    from validation.defects.batch import prove_all  # noqa: PLC0415
    from validation.defects.proofs import renew  # noqa: PLC0415
    from validation.defects.proving.proof import Outcome  # noqa: PLC0415
    from validation.report.model import tally  # noqa: PLC0415

    outcomes: Counter[str] = Counter()
    say, proven = print_message if json else print_data, []
    with closing(prove_all(chosen.defects, bench, file, print_message, resume=resume)) as proofs:  # stops running proofs at an interruption
        for proof in proofs:
            outcomes[proof.outcome] += 1
            if renewing:
                renew(proof, bench)
            title, detail = catalogue.catalogue()[proof.defect].title, " ".join(proof.detail.split())
            proven.append({"title": title} | structs.asdict(proof))
            say(f"{proof.defect:4} {proof.outcome:12} {proof.seconds:4.0f} s  {title}. {detail}")
    say(f"{outcomes[Outcome.CAUGHT]} of {len(chosen.defects)} caught")
    if json:
        print_json({"caught": outcomes[Outcome.CAUGHT], "of": len(chosen.defects), "proofs": proven})
    print_message(tally(_tested_now(file)))
    if outcomes[Outcome.CAUGHT] == len(chosen.defects):
        return 0
    return 1 if outcomes[Outcome.SURVIVED] or outcomes[Outcome.NOT_APPLIED] else HARNESS_EXIT


def _fill(chosen: "Chosen", file: Path, *, resume: bool, json: bool) -> int:
    from validation.defects.batch import fill  # noqa: PLC0415
    from validation.defects.matrix.html import MATRIX, write  # noqa: PLC0415

    filled = fill(chosen.defects, file, print_message, resume=resume)
    red = _tested_now(file)
    print_message(f"Report: {file.parent / 'index.html'}")
    shown = write(file.parent, filled, catalogue.catalogue(), red)
    print_data((file.parent / MATRIX).read_text(encoding="utf-8").rstrip() if json else shown)
    return 0 if all(map(filled.is_caught, filled.rows)) else 1


def _tested_now(file: Path) -> frozenset[str]:
    """Return the checkpoints that seeded defects have turned red with this exact source, now or in earlier calls."""
    from validation.defects.results import digest_of_sources, is_current, read, self_tested  # noqa: PLC0415

    known, sources = catalogue.catalogue(), digest_of_sources()
    return self_tested((line for line in read(file) if line.defect in known and is_current(line, known[line.defect], sources)), known)
