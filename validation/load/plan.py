"""What a load run was asked to do: its scenario, shaped by the options, and what that leaves out."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from loadtests.scenario import Scenario, Step


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """A requested load run.

    Attributes:
        processes: number of generator processes.
        fault: the fault to inject during the run; empty for none.
        in_cluster: whether the generator runs in pods of the cluster under load.
        reductions: what the options left out of the scenario, one sentence each.
        options: the options that shaped the load, to repeat it.
    """

    scenario: Scenario
    processes: int = 1
    fault: str = ""
    in_cluster: bool = False
    reductions: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def reductions(scenario: Scenario, rate: float | None, seconds: float | None, fault: str) -> Iterator[str]:
    """Yield what the options of a load run leave out of its scenario, one sentence each."""
    length = scenario.seconds - scenario.warm_up
    if rate is not None and rate < scenario.highest_rate:
        yield f"Lower rate: {rate:g} requests per second instead of {scenario.highest_rate:g}."
    if seconds is not None and seconds < length:
        yield f"Shorter: {seconds:g} s instead of {length:g} s."
    if fault:
        yield "With a fault the budgets of the scenario are not checked."


def scaled(scenario: Scenario, rate: float | None, seconds: float | None) -> Scenario:
    """Return a scenario with another highest rate, or another length without the warm-up. A budget of the rate is scaled along."""
    highest, length = scenario.highest_rate, scenario.seconds - scenario.warm_up
    more, longer = (rate or highest) / highest, (seconds or length) / length
    steps = [Step(step.seconds * (longer if number else 1), step.rate * more) for number, step in enumerate(scenario.steps)]
    budgets = {
        name: dict(limits) | ({"rate": limits["rate"] * more} if "rate" in limits else {}) for name, limits in scenario.budgets.items()
    }
    return replace(scenario, steps=tuple(steps), budgets=budgets)


def planned(  # noqa: PLR0913 - the options of the command
    scenario: Scenario, rate: float | None, seconds: float | None, processes: int = 1, fault: str = "", *, in_cluster: bool = False
) -> LoadPlan:
    """Return the plan of a load run."""
    given = {
        "--rate": f"{rate:g}" if rate is not None else "",
        "--seconds": f"{seconds:g}" if seconds is not None else "",
        "--processes": str(processes) if processes != 1 else "",
        "--fault": fault,
    }
    options = [word for option, value in given.items() if value for word in (option, value)] + ["--in-cluster"] * in_cluster
    left_out = tuple(reductions(scenario, rate, seconds, fault))
    return LoadPlan(scaled(scenario, rate, seconds), processes, fault, in_cluster, left_out, tuple(options))
