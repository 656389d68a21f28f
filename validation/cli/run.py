"""`votecheck run`."""

import re
import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from validation.cli.console import print_message, print_path_hint, stderr
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
    Kubeconfig,
    LoadCommand,
    Phase,
    ProtocolOnly,
    RedisUrl,
    Reports,
    Source,
    TargetName,
    examples,
)
from validation.core.errors import UsageError
from validation.core.settings import PROJECT, RunSettings, known_target
from validation.record.runs import new_run_id
from validation.record.verdicts import RunVerdict
from validation.record.waivers import read_waivers
from validation.registry.checkpoints import select

EPILOG = examples(
    "votecheck run",
    "votecheck run --checkpoint 5.1,B3 --fail-fast",
    "votecheck run --target cluster --release voting --waivers waivers.toml",
    "votecheck run --checkpoint B10 --fault-minutes 60 --seed 7",
)


def run(  # noqa: PLR0913, PLR0917 - one parameter per option
    phase: Phase = None,
    checkpoint: CheckpointIds = "",
    protocol_only: ProtocolOnly = False,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            metavar=FLAG,
            help="Run each kind of fault and crash point once, with fewer votes. Takes half the time, but never clears a release.",
            rich_help_panel=SCOPE,
        ),
    ] = False,
    fail_fast: Annotated[
        bool,
        typer.Option(
            "--fail-fast", metavar=FLAG, help="Skip the remaining scenarios of a checkpoint that has failed.", rich_help_panel=SCOPE
        ),
    ] = False,
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
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="NUMBER", help="Seed of the random faults (default: a new one, which the run prints).", rich_help_panel=FAULTS
        ),
    ] = None,
    waivers: Annotated[Path | None, typer.Option(metavar="FILE", help="TOML file of waivers.", rich_help_panel=OUTPUT)] = None,
    accept_incomplete: AcceptIncomplete = False,
    reports: Reports = Path("reports"),
    json: Annotated[bool, typer.Option("--json", metavar=FLAG, help="Print results.json on stdout.", rich_help_panel=OUTPUT)] = False,
) -> None:
    """Validate a release: run its checkpoints and print the verdict.

    Exit code: 0 GO, 1 NO-GO, 2 wrong usage, 3 INCOMPLETE or a harness error, 130 interrupted.
    """
    # Not at the top: `--help` needs neither pytest nor clients of servers, which take a second to import.
    from validation.defects import catalogue  # noqa: PLC0415
    from validation.defects.results import FOLDER, RESULTS, last_known  # noqa: PLC0415
    from validation.pytest_plugin.execution import execute  # noqa: PLC0415
    from validation.report.terminal import Progress, summary  # noqa: PLC0415
    from validation.report.write import write_all  # noqa: PLC0415
    from validation.targets.preflight import preflight  # noqa: PLC0415

    scope = select(phase or (), checkpoint.split(","), beyond=not protocol_only)
    for setting in redis_setting or ():
        if not re.fullmatch(r"[a-z-]+=\S*", setting):
            raise UsageError(f"--redis-setting {setting} is not NAME=VALUE.", "", "votecheck run --redis-setting appendfsync=everysec")
    settings = RunSettings(
        source.resolve(), known_target(target), api_url, redis_url, database_url, reports.resolve(), new_run_id(), fault_minutes,
        redis_settings=tuple(redis_setting or ()), image_tag=image_tag, vulnerability_db=vulnerability_db,
        kubeconfig=kubeconfig, context=context, release=release, release_namespace=release_namespace, load_command=load_command,
        seed=secrets.randbelow(2**31) if seed is None else seed, quick=quick, fail_fast=fail_fast,
    )  # fmt: skip
    waived = read_waivers(waivers)
    if plan := preflight(settings):
        print_message(plan)
    with Progress(scope) as progress:
        try:
            execute(settings, scope, waived, (progress,), last_known(settings.reports / FOLDER / RESULTS, catalogue.catalogue()))
        finally:
            result = write_all(settings.folder)
    summary(result, stderr, settings.folder)
    print_path_hint()
    if json:
        sys.stdout.write((settings.folder / "results.json").read_text(encoding="utf-8"))
        sys.stdout.flush()  # here, because at exit Python would turn a closed pipe into exit code 120
    accepted = accept_incomplete and result.verdict is RunVerdict.INCOMPLETE and not result.harness_failed
    raise typer.Exit(0 if accepted else result.exit_code)
