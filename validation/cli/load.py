"""The commands of `votecheck load`."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from loadtests.scenario import FILE, Scenario, scenarios
from validation.cli import github
from validation.cli.console import print_data, print_json, print_message, stderr
from validation.cli.options import (
    CLUSTER,
    FAULTS,
    FLAG,
    LOAD,
    AcceptIncomplete,
    ApiUrl,
    Context,
    DatabaseUrl,
    Json,
    Kubeconfig,
    LoadCommand,
    RedisUrl,
    Reports,
    Source,
    TargetName,
    examples,
)
from validation.core.errors import INTERRUPTED_EXIT, HarnessError, UsageError
from validation.core.settings import PROJECT, RunSettings, known_target
from validation.record.results import Verdict
from validation.record.run_ids import new_run_id
from validation.record.verdicts import ACCEPTED, EXIT_CODES

load_app = typer.Typer(
    help="Put the system under load, reconcile every vote and print a verdict: PASSED, NO-GO, INCOMPLETE or PARTIAL.", no_args_is_help=True
)

EXITS = {str(word): code for word, code in EXIT_CODES.items()} | {str(Verdict.PASSED): 0}
"""The exit code of each verdict of a load run."""

Rate = Annotated[
    float | None,
    typer.Option(
        min=1,
        max=100_000,
        metavar="NUMBER",
        help="Requests a second at the highest step (default: the scenario's).",
        rich_help_panel=LOAD,
    ),
]
Seconds = Annotated[
    float | None,
    typer.Option(min=1, max=86_400, metavar="SECONDS", help="Duration after the warm-up (default: the scenario's).", rich_help_panel=LOAD),
]


def _add(scenario: Scenario) -> None:
    epilog = examples(
        f"votecheck load {scenario.name} --rate 500 --seconds 60",
        f"votecheck load {scenario.name} --api-url http://127.0.0.1:8000",
        f"votecheck load {scenario.name} --target cluster --in-cluster --processes 2",
    )

    @load_app.command(name=scenario.name, help=f"{scenario.title}. {scenario.seconds:g} s.", epilog=epilog)
    def _run(  # noqa: PLR0913, PLR0917 - one parameter per option
        rate: Rate = None,
        seconds: Seconds = None,
        processes: Annotated[
            int, typer.Option(min=1, max=64, metavar="NUMBER", help="Locust processes that share the load.", rich_help_panel=LOAD)
        ] = 1,
        target: TargetName = "local",
        source: Source = PROJECT,
        api_url: ApiUrl = "",
        redis_url: RedisUrl = "",
        database_url: DatabaseUrl = "",
        in_cluster: Annotated[
            bool,
            typer.Option(
                "--in-cluster", metavar=FLAG, help="Run Locust in the target cluster, with --processes workers.", rich_help_panel=CLUSTER
            ),
        ] = False,
        kubeconfig: Kubeconfig = "",
        context: Context = "",
        load_command: LoadCommand = "",
        fault: Annotated[
            str,
            typer.Option(
                metavar="FAULT",
                help="Fault to inject after a third of the time, for example 'consumer a is killed'.",
                rich_help_panel=FAULTS,
            ),
        ] = "",
        accept_incomplete: AcceptIncomplete = False,
        reports: Reports = Path("reports"),
        json: Json = False,
    ) -> None:
        from validation.load import run  # noqa: PLC0415 - `--help` needs no driver
        from validation.load.plan import planned  # noqa: PLC0415
        from validation.load.report.annotations import of_load  # noqa: PLC0415
        from validation.load.report.text import markdown, summary  # noqa: PLC0415
        from validation.load.report.write import RESULT, write  # noqa: PLC0415
        from validation.targets.preflight import preflight  # noqa: PLC0415

        settings = RunSettings(
            source.resolve(), known_target(target), api_url, redis_url, database_url, reports.resolve(),
            run=f"load-{new_run_id()}", load_command=load_command, kubeconfig=kubeconfig, context=context,
        )  # fmt: skip
        with preflight(settings) as plan:
            if plan:
                print_message(plan)
            asked = planned(scenario, rate, seconds, processes, fault, in_cluster=in_cluster)
            result = run.run(settings, asked, print_message)
            write(settings.folder, result)
        summary(result, stderr, settings.folder)
        github.publish(lambda most: markdown(result, most), of_load(result))
        if json:
            print_data((settings.folder / RESULT).read_text(encoding="utf-8").rstrip())
        if result.interrupted:
            raise typer.Exit(INTERRUPTED_EXIT)
        if accept_incomplete and result.verdict in ACCEPTED:
            print_message("Exit code 0 because of --accept-incomplete.")
            raise typer.Exit
        raise typer.Exit(EXITS[result.verdict])


@load_app.command(name="noise", epilog=examples("votecheck load noise baseline --runs 5"))
def _noise(  # noqa: PLR0913, PLR0917 - one parameter per option
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="Name of a load scenario.")],
    runs: Annotated[int, typer.Option(min=4, max=20, metavar="NUMBER", help="Number of runs.", rich_help_panel=LOAD)] = 5,
    rate: Rate = None,
    seconds: Seconds = None,
    reports: Reports = Path("reports"),
    json: Json = False,
) -> None:
    """Repeat a load scenario on the unchanged system, to measure the noise of this machine."""
    from validation.load import compare, run  # noqa: PLC0415
    from validation.load.plan import planned  # noqa: PLC0415
    from validation.load.report.write import write  # noqa: PLC0415
    from validation.targets.preflight import preflight  # noqa: PLC0415

    if scenario not in scenarios(FILE):
        raise UsageError(f"There is no load scenario {scenario}. Valid names: {', '.join(scenarios(FILE))}.", "", "votecheck load --help")
    results = []
    for number in range(runs):
        settings = RunSettings(reports=reports.resolve(), run=f"load-{new_run_id()}")
        with preflight(settings):
            print_message(f"Run {number + 1} of {runs}.")
            results.append(run.run(settings, planned(scenarios(FILE)[scenario], rate, seconds), print_message))
            write(settings.folder, results[-1])
        if results[-1].interrupted:
            raise typer.Exit(INTERRUPTED_EXIT)
    noise = compare.noise(results)
    file = compare.noise_file(reports, results[0])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(noise)))
    if json:
        print_json({"file": str(file), "noise": noise, "chance": {name: compare.chance(values) for name, values in noise.figures.items()}})
        return
    for name, values in noise.figures.items():
        spread = f"{min(values):10.4g} to {max(values):10.4g}"
        print_data(f"{name:36} {spread}, two runs differ by chance by up to a factor of {compare.chance(values):.2f}")


@load_app.command(name="compare", epilog=examples("votecheck load compare load-20261129-091500-1a2b load-latest"))
def _compare(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="Id of a load run.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="Id of a later load run, or load-latest.")] = "load-latest",
    reports: Reports = Path("reports"),
    json: Json = False,
) -> None:
    """Compare two load runs and show what changed by more than the noise of this machine.

    Exit code: 0 if nothing got worse, 1 if something did.
    """
    from validation.load import compare  # noqa: PLC0415
    from validation.load.held import shown  # noqa: PLC0415
    from validation.load.report.write import read  # noqa: PLC0415

    first, second = read(reports / before), read(reports / after)
    file = compare.noise_file(reports, second)
    if not file.is_file():
        raise HarnessError("The noise of this machine has not been measured.", "", f"votecheck load noise {second.scenario}")
    changes = compare.compare(first, second, msgspec.json.decode(file.read_bytes(), type=compare.Noise))
    if json:
        print_json({"before": first.run, "after": second.run, "changes": changes})
    for one in () if json else changes:
        print_data(shown(one))
    raise typer.Exit(1 if any(one.word == "worse" for one in changes) else 0)


for _scenario in scenarios(FILE).values():
    _add(_scenario)
