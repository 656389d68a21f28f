"""Steps about half a minute in which nobody votes, which passes in the background (features/support/quiet.py)."""

from concurrent.futures import Future
from datetime import datetime
from itertools import pairwise

from pytest_bdd import given, then

from features.support.quiet import TIMES, UNCHANGED, Quiet
from validation.core.collections import every
from validation.record.observe import Observe

SILENT_SECONDS = 15.0
"""After as long a page says that it has lost the server."""
REMEDY = "system/api/results.py, changes: what is said after ten seconds is said again after ten more"


@given("a page that follows the results and a consumer that waits six seconds at a time, while nobody votes", target_fixture="quiet")
def nobody_votes(quiet_trial: Future[Quiet]) -> Quiet:
    return quiet_trial.result()


@then("the page hears again and again that nothing has changed, and when the database was read")
def heard_again(quiet: Quiet, observe: Observe) -> None:
    pauses = [round(after.arrived - before.arrived, 1) for before, after in pairwise(quiet.heard)]
    read = [datetime.fromisoformat(str((event.data or {}).get("last_updated", "0001-01-01T00:00:00Z"))) for event in quiet.heard]
    with observe.together():
        observe("events", expected=["message", *[UNCHANGED] * TIMES], observed=[event.kind for event in quiet.heard],
                evidence=quiet.heard, remedy=REMEDY)  # fmt: skip
        observe("seconds between events", expected=f"at most {SILENT_SECONDS:g}", observed=pauses, timed=True,
                holds=every(pause <= SILENT_SECONDS for pause in pauses), remedy=REMEDY)  # fmt: skip
        observe("times at which the database was read", expected="each later than the one before", observed=[str(one) for one in read],
                holds=every(before < after for before, after in pairwise(read)))  # fmt: skip


@then("the consumer waits without a word")
def waits(quiet: Quiet, observe: Observe) -> None:
    with observe.together():
        observe("the consumer runs", expected=True, observed=quiet.alive, evidence=quiet.evidence)
        observe("events that it logged while it waited", expected=[], observed=quiet.logged, evidence=quiet.evidence,
                remedy="system/consumer/__main__.py: the reply of a blocking read may take longer than the read")  # fmt: skip
