"""`votecheck run`."""

import re
import secrets
from pathlib import Path
from typing import Annotated

import typer

from validation.cli.choice import in_scope, selection
from validation.cli.console import print_message
from validation.cli.ending import end_with
from validation.cli.options import (
    CLUSTER,
    FAULTS,
    FLAG,
    OUTPUT,
    SCOPE,
    TARGET,
    AcceptIncomplete,
    ApiUrl,
    CheckpointIds,
    Context,
    DatabaseUrl,
    Json,
    Kubeconfig,
    LoadCommand,
    Phase,
    ProtocolOnly,
    RedisUrl,
    Reports,
    ShardOption,
    Source,
    TargetName,
    examples,
)
from validation.core import shards
from validation.core.errors import UsageError
from validation.core.settings import MODEL_EXAMPLES, PROJECT, RunSettings, known_target
from validation.record.last_release import LastRelease
from validation.record.run_ids import RECORD, new_run_id
from validation.record.waivers import read_waivers

EPILOG = examples(
    "votecheck run",
    "votecheck run --checkpoint 5.1,B3 --fail-fast",
    "votecheck run --scenario 'Null is not a vote'",
    "votecheck run --target cluster --release voting --waivers waivers.toml",
    "votecheck run --since packs/20261101-120000-ab12.pack.tar.gz",
    "votecheck run --shard 2/4",
    "votecheck run --checkpoint B10 --fault-minutes 60 --seed 7",
)


def run(  # noqa: PLR0913, PLR0917 - one parameter per option
    phase: Phase = None,
    checkpoint: CheckpointIds = "",
    protocol_only: ProtocolOnly = False,
    scenario: Annotated[
        list[str] | None,
        typer.Option(
            "--scenario",
            metavar="NAME",
            help="Only this scenario: its name, its name with one row of Examples, or FILE:LINE. Repeatable.",
            rich_help_panel=SCOPE,
        ),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            metavar=FLAG,
            help="Run each kind of fault and crash point once, with fewer votes. Takes half the time; at best PARTIAL, never GO.",
            rich_help_panel=SCOPE,
        ),
    ] = False,
    fail_fast: Annotated[
        bool,
        typer.Option(
            "--fail-fast", metavar=FLAG, help="Skip the remaining scenarios of a checkpoint that has failed.", rich_help_panel=SCOPE
        ),
    ] = False,
    first_finding: Annotated[
        bool,
        typer.Option(
            "--first-finding",
            metavar=FLAG,
            help="Skip everything after the first finding. Scenarios run in the order of --scenario.",
            rich_help_panel=SCOPE,
        ),
    ] = False,
    shard: ShardOption = "",
    processes: Annotated[
        int,
        typer.Option(
            min=1,
            max=16,
            metavar="NUMBER",
            help="How many processes run the scenarios side by side, each with servers of its own.",
            rich_help_panel=SCOPE,
        ),
    ] = 1,
    target: TargetName = "local",
    source: Source = PROJECT,
    image_tag: Annotated[
        str, typer.Option(metavar="TAG", help="Tag of both images (default: the released version of each).", rich_help_panel=TARGET)
    ] = "",
    vulnerability_db: Annotated[
        str, typer.Option(metavar="FOLDER", help="Folder with a trivy vulnerability database, for B14.", rich_help_panel=TARGET)
    ] = "",
    redis_setting: Annotated[
        list[str] | None,
        typer.Option(
            "--redis-setting",
            metavar="NAME=VALUE",
            help="Setting of the managed Redis that overrides the chart's, to show its effect. Repeatable.",
            rich_help_panel=TARGET,
        ),
    ] = None,
    api_url: ApiUrl = "",
    redis_url: RedisUrl = "",
    database_url: DatabaseUrl = "",
    kubeconfig: Kubeconfig = "",
    context: Context = "",
    release: Annotated[
        str,
        typer.Option(metavar="NAME", help="Existing Helm release to vote on and observe (default: install one).", rich_help_panel=CLUSTER),
    ] = "",
    release_namespace: Annotated[
        str, typer.Option(metavar="NAME", help="Namespace of that release, as in helm list.", rich_help_panel=CLUSTER)
    ] = "default",
    load_command: LoadCommand = "",
    fault_minutes: Annotated[
        float,
        typer.Option(min=0.1, max=1440, metavar="MINUTES", help="Minutes of random fault injection in B10.", rich_help_panel=FAULTS),
    ] = 0.25,
    long_life: Annotated[
        int,
        typer.Option(
            min=1,
            max=1000,
            metavar="TIMES",
            help="How many times the work of B25 is done; 10 makes 200,000 votes and 10,000 clients.",
            rich_help_panel=FAULTS,
        ),
    ] = 1,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="NUMBER",
            help="Seed of the random faults and steps (default: a new one, which the run prints; with --shard, one from the source).",
            rich_help_panel=FAULTS,
        ),
    ] = None,
    model_examples: Annotated[
        int,
        typer.Option(
            min=MODEL_EXAMPLES,
            max=100_000,
            metavar="NUMBER",
            help="Examples of random steps in B24, about 8 s each, from each seed.",
            rich_help_panel=FAULTS,
        ),
    ] = MODEL_EXAMPLES,
    waivers: Annotated[Path | None, typer.Option(metavar="FILE", help="TOML file of waivers.", rich_help_panel=OUTPUT)] = None,
    since: Annotated[
        Path | None,
        typer.Option(
            metavar="PACK",
            help="Pack or run of the last release: every report says what changed since then.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    accept_incomplete: AcceptIncomplete = False,
    reports: Reports = Path("reports"),
    json: Json = False,
) -> None:
    """Validate a release: run its checkpoints and print the verdict.

    Exit code: 0 GO, 1 NO-GO, 2 wrong usage, 3 INCOMPLETE or a harness error, 4 PARTIAL, 130 interrupted.
    """
    # Not at the top: `--help` needs neither pytest nor clients of servers, which take a second to import.
    from validation.defects import proofs  # noqa: PLC0415
    from validation.defects.results import digest_of_sources  # noqa: PLC0415
    from validation.pytest_plugin.execution import execute  # noqa: PLC0415
    from validation.registry.durations import recorded  # noqa: PLC0415
    from validation.report.terminal import Progress  # noqa: PLC0415
    from validation.report.write import write_all  # noqa: PLC0415
    from validation.targets.preflight import preflight  # noqa: PLC0415

    part = shards.parse(shard, "votecheck run --shard 2/4")
    scope, names = in_scope(phase or (), checkpoint, scenario or (), beyond=not protocol_only)
    for setting in redis_setting or ():
        if not re.fullmatch(r"[a-z-]+=\S*", setting):
            raise UsageError(f"--redis-setting {setting} is not NAME=VALUE.", "", "votecheck run --redis-setting appendfsync=everysec")
    if first_finding and processes > 1:
        raise UsageError(
            "--first-finding needs one process: others would go on after the first finding.", "", "votecheck run --first-finding"
        )
    new_seed = int(digest_of_sources()[:7], 16) if part else secrets.randbelow(2**31)  # all shards need the same
    settings = RunSettings(
        source.resolve(), known_target(target), api_url, redis_url, database_url, reports.resolve(), new_run_id(), fault_minutes, long_life,
        redis_settings=tuple(redis_setting or ()), image_tag=image_tag, vulnerability_db=vulnerability_db,
        kubeconfig=kubeconfig, context=context, release=release, release_namespace=release_namespace, load_command=load_command,
        seed=new_seed if seed is None else seed, quick=quick, fail_fast=fail_fast, first_finding=first_finding,
        model_examples=model_examples, shard=part, processes=processes,
        waivers=str(waivers or ""), since=str(since.resolve() if since else ""),
        scenarios=names, selection=selection(phase or (), checkpoint, names, protocol_only=protocol_only),
    )  # fmt: skip
    waived = read_waivers(waivers)
    last_release = _last_release(since, settings.source)
    with preflight(settings) as plan:
        if plan:
            print_message(plan)
        with Progress(scope, recorded=recorded(PROJECT)) as progress:
            try:
                known = proofs.known([one.id for one in scope], proofs.read())
                execute(settings, scope, waived, (progress,), known, last_release)
            except BaseException:
                if (settings.folder / RECORD).is_file():  # otherwise the error says why there is none
                    write_all(settings.folder)
                raise
            result = write_all(settings.folder)
    end_with(result, settings.folder, accept_incomplete=accept_incomplete, json=json)


def _last_release(since: Path | None, source: Path) -> LastRelease | None:
    if since is None:
        return None
    from validation.pack.last_release import read_last_release  # noqa: PLC0415 - takes cryptography and the chart's library to import

    return read_last_release(since.resolve(), source)
