"""Steps about faults that strike while votes flow. The faults run in the background (features/support/fault_runs.py)."""

import time
from collections.abc import Callable

from pytest_bdd import given, parsers, then, when

from features.support.fault_runs import AT_RANDOM, FaultRun, FaultRuns
from validation.core.settings import RunSettings
from validation.core.waiting import eventually
from validation.faults.environment import FaultEnvironment
from validation.record.observe import Observe

MEMORY_MIB = 250
DESCRIPTORS = 200
FEW_LOOKS = 3


@given("votes flow", target_fixture="environment")
def votes_flow(fault_runs: FaultRuns, observe: Observe) -> FaultEnvironment:
    fault_runs.started.result()
    environment = fault_runs.environment
    sent = eventually(lambda: len(environment.workload.sent_votes.cast), bool, within=10)
    observe("votes sent so far in the fault environment", expected="some", observed=sent.value, holds=sent.held)
    return environment


@when(parsers.re(r"(?P<fault>.+), and then everything is restored$"), target_fixture="runs")
def fault_strikes(fault_runs: FaultRuns, fault: str, attribute: Callable[[float, float], None]) -> list[FaultRun]:
    return _wait_for(fault_runs, fault, attribute)


@when("random faults from the seed of this run strike one after another", target_fixture="runs")
def random_faults_strike(
    fault_runs: FaultRuns, settings: RunSettings, measure: Callable[[str, float, str], None], attribute: Callable[[float, float], None]
) -> list[FaultRun]:
    measure("seed of the random faults", settings.seed, "")
    return _wait_for(fault_runs, AT_RANDOM, attribute)


def _wait_for(fault_runs: FaultRuns, fault: str, attribute: Callable[[float, float], None]) -> list[FaultRun]:
    """Wait for a fault. It may have struck long ago: the time it took then counts, and not the time until it was its turn."""
    begun = time.monotonic()
    runs = fault_runs.of(fault)
    attribute(sum(run.seconds for run in runs), time.monotonic() - begun)
    return runs


@then("the fault took effect, and every vote is counted once")
@then("each fault took effect, and every vote is counted once")
def counted_once_after_each_fault(
    environment: FaultEnvironment, runs: list[FaultRun], measure: Callable[[str, float, str], None], observe: Observe
) -> None:
    table, watcher = "\n".join(map(str, runs)), environment.watcher
    name = runs[0].fault if len(runs) == 1 else f"{len(runs)} random faults"
    measure(f"recovery, {name}", max(run.recovery_seconds for run in runs), "s")
    with observe.together():
        for run in runs:
            observe(f"effect of: {run.fault}", expected="seen", observed=run.effect or "not seen", holds=bool(run.effect), evidence=table)
            observe(f"wrong after: {run.fault}", expected="", observed=run.wrong, evidence=table, remedy="validation/faults/environment.py")
        for what, value, limit in (
            ("memory of API and consumers, MiB", round(watcher.memory_mib), MEMORY_MIB),
            ("open file descriptors of API and consumers", watcher.descriptors, DESCRIPTORS),
        ):
            observe(what, expected=f"above 0, below {limit}", observed=value, holds=0 < value < limit)
        looks = eventually(lambda: watcher.checks, lambda number: number > FEW_LOOKS, within=10)
        observe("measurements of the watcher", expected=f"more than {FEW_LOOKS}", observed=looks.value, holds=looks.held)
