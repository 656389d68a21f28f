"""The commands of `votecheck load`."""

import signal
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from loadtests.scenario import FILE, Scenario, scenarios
from validation.core.errors import HarnessError, UsageError
from validation.core.settings import PROJECT, SHIPPED_TARGETS, RunSettings, known_target
from validation.record.runs import new_run_id
from validation.record.verdicts import EXIT_CODES, INTERRUPTED_EXIT, RunVerdict
from validation.targets.preflight import preflight

Reports = Annotated[Path, typer.Option("--reports", help="the folder for records and reports")]
load_app = typer.Typer(help="Load the system, reconcile every vote, and give the verdict.", no_args_is_help=True)
talk = Console(stderr=True)


def _add(scenario: Scenario) -> None:
    @load_app.command(name=scenario.name, help=f"{scenario.title}. {scenario.seconds:g} s.")
    def _run(  # noqa: PLR0913, PLR0917 - one parameter an option
        target: Annotated[str, typer.Option(help=f"where the system runs: {', '.join(SHIPPED_TARGETS)}")] = "local",
        rate: Annotated[float | None, typer.Option(min=1, max=100_000, help="requests a second of its highest step")] = None,
        seconds: Annotated[float | None, typer.Option(min=1, max=86_400, help="how long, warm-up aside")] = None,
        processes: Annotated[int, typer.Option(min=1, max=64, help="how many of Locust share the load")] = 1,
        fault: Annotated[str, typer.Option(help="what befalls the system on the way, such as 'consumer a is killed'")] = "",
        api_url: Annotated[str, typer.Option(help="somebody else's API, which you may load")] = "",
        redis_url: Annotated[str, typer.Option(help="its Redis, so that the queue is seen")] = "",
        database_url: Annotated[str, typer.Option(help="its PostgreSQL, so that every vote is reconciled")] = "",
        inside: Annotated[bool, typer.Option("--inside", help="run Locust in the target, a cluster, with --processes workers")] = False,
        load_command: Annotated[str, typer.Option(help="brings images, its arguments, to the nodes of a cluster")] = "",
        kubeconfig: Annotated[str, typer.Option(help="which clusters there are; without it what kubectl takes")] = "",
        context: Annotated[str, typer.Option(help="which of them")] = "",
        source: Annotated[Path, typer.Option("--source", help="the folder whose system/ is loaded")] = PROJECT,
        accept_incomplete: Annotated[bool, typer.Option("--accept-incomplete", help="exit 0 although something is NOT PROVEN")] = False,
        reports: Reports = Path("reports"),
    ) -> None:
        from validation.load import run  # noqa: PLC0415 - `--help` needs no driver
        from validation.load.report.text import summary  # noqa: PLC0415
        from validation.load.report.write import write  # noqa: PLC0415

        settings = RunSettings(
            source.resolve(), known_target(target), api_url, redis_url, database_url, reports.resolve(),
            run=f"load-{new_run_id()}", load_command=load_command, kubeconfig=kubeconfig, context=context,
        )  # fmt: skip
        if told := preflight(settings):
            _tell(told)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was measured is kept
        result = run.run(settings, run.Asked(run.scaled(scenario, rate, seconds), processes, fault, inside), _tell)
        write(settings.folder, result)
        summary(result, talk, settings.folder)
        if result.interrupted:
            raise typer.Exit(INTERRUPTED_EXIT)
        raise typer.Exit(0 if accept_incomplete and result.verdict == "INCOMPLETE" else EXIT_CODES[RunVerdict(result.verdict)])


@load_app.command(name="noise", help="Run a scenario several times with nothing changed: how much this machine differs from itself.")
def _noise(
    scenario: Annotated[str, typer.Argument(help="its name")],
    runs: Annotated[int, typer.Option(min=4, max=20, help="how often")] = 5,
    rate: Annotated[float | None, typer.Option(min=1, max=100_000, help="requests a second of its highest step")] = None,
    seconds: Annotated[float | None, typer.Option(min=1, max=86_400, help="how long each, warm-up aside")] = None,
    reports: Reports = Path("reports"),
) -> None:
    from validation.load import compare, run  # noqa: PLC0415
    from validation.load.report.write import write  # noqa: PLC0415

    if scenario not in scenarios(FILE):
        raise UsageError(f"There is no scenario {scenario}.", f"there are {', '.join(scenarios(FILE))}", "votecheck load --help")
    results = []
    for number in range(runs):
        settings = RunSettings(reports=reports.resolve(), run=f"load-{new_run_id()}")
        preflight(settings)
        _tell(f"Run {number + 1} of {runs}.")
        results.append(run.run(settings, run.Asked(run.scaled(scenarios(FILE)[scenario], rate, seconds)), _tell))
        write(settings.folder, results[-1])
        if results[-1].interrupted:
            raise typer.Exit(INTERRUPTED_EXIT)
    known = compare.noise(results)
    file = compare.noise_file(reports, results[0])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(known)))
    for name, values in known.figures.items():
        print(f"{name:36} {min(values):10.4g} to {max(values):10.4g}, two runs by chance within a factor {compare.chance(values):.2f}")  # noqa: T201 - data


@load_app.command(name="compare", help="Say what changed from one load run to another by more than chance: worse is exit 1.")
def _compare(
    before: Annotated[str, typer.Argument(help="a run's id")],
    after: Annotated[str, typer.Argument(help="a later one's, or load-latest")] = "load-latest",
    reports: Reports = Path("reports"),
) -> None:
    from validation.load import compare  # noqa: PLC0415
    from validation.load.report.write import read  # noqa: PLC0415

    first, second = read(reports / before), read(reports / after)
    file = compare.noise_file(reports, second)
    if not file.is_file():
        raise HarnessError("The noise of this machine is not known.", "it was never measured", f"votecheck load noise {second.scenario}")
    changes = compare.compare(first, second, msgspec.json.decode(file.read_bytes(), type=compare.Noise))
    for one in changes:
        interval = f"x {one.ratio:.2f} (between {one.low:.2f} and {one.high:.2f})"
        print(f"{one.figure:36} {one.before:10.4g} -> {one.after:10.4g}  {interval:32} {one.word}")  # noqa: T201 - data goes to stdout
    raise typer.Exit(1 if any(one.word == "worse" for one in changes) else 0)


def _tell(told: str) -> None:
    talk.print(told, markup=False, soft_wrap=True)


for _scenario in scenarios(FILE).values():
    _add(_scenario)
