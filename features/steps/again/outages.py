"""Steps that check the outages of two consumers, which happen in the background (features/support/outages.py)."""

from concurrent.futures import Future
from itertools import pairwise

from pytest_bdd import given, then

from features.support.outages import FIRST_ATTEMPTS, SECOND_ATTEMPTS, Outages
from validation.core.collections import every
from validation.record.observe import Observe

LONGEST_SECONDS, SHORTEST_SECONDS, FIRST_PAUSE_SECONDS = 3.0, 0.8, 1.0
OUTAGES, LEAST_LOGGED = 2, ((1, 2, 4), (1, 2))
BUSY_SECONDS = 0.9
"""Allowed for an attempt itself on a busy machine; less than the difference between two pauses."""


@given("a consumer without Redis and one without the database, each two times", target_fixture="outages")
def both_outages(outage_trial: Future[list[Outages]]) -> list[Outages]:
    return outage_trial.result()


@then("its pauses grow to three seconds and no further, and begin anew after a success")
def pauses(outages: list[Outages], observe: Observe) -> None:
    observe("consumers", expected=["Redis", "the database"], observed=[one.part for one in outages])
    with observe.together():
        for one in outages:
            first, second = one.first, one.second
            remedy = "system/consumer/loop.py, BACK_OFF_SECONDS"
            observe(f"pauses in the first outage of {one.part}", expected=FIRST_ATTEMPTS - 1, observed=len(first), evidence=one.evidence)
            observe(f"pauses in the second outage of {one.part}", expected=SECOND_ATTEMPTS - 1, observed=len(second), evidence=one.evidence)
            observe(
                f"longest pause without {one.part}",
                expected=f"at most {LONGEST_SECONDS:g} s",
                observed=first,
                holds=every(pause <= LONGEST_SECONDS + BUSY_SECONDS for pause in first),
                remedy=remedy,
                evidence=one.evidence,
                timed=True,
            )
            observe(
                f"shortest pause without {one.part}",
                expected=f"at least {SHORTEST_SECONDS:g} s",
                observed=[*first, *second],
                holds=every(pause >= SHORTEST_SECONDS for pause in [*first, *second]),
                remedy=remedy,
            )
            anew = second[:1]
            holds = every(pause <= FIRST_PAUSE_SECONDS + BUSY_SECONDS for pause in anew)
            observe(f"first pause in the second outage of {one.part}", expected=f"about {FIRST_PAUSE_SECONDS:g} s", observed=anew,
                    holds=holds, remedy=remedy, timed=True)  # fmt: skip


@then("each outage is logged from its first attempt on, by number")
def logged(outages: list[Outages], observe: Observe) -> None:
    """Attempts 1, 2, 4 and so on are logged, and each that brought another error than the one before."""
    with observe.together():
        for one in outages:
            observe(f"outages of {one.part} in the log", expected=OUTAGES, observed=len(one.logged))
            for number, (lines, least) in enumerate(zip(one.logged, LEAST_LOGGED, strict=True), 1):
                attempts = [attempt for attempt, _ in lines]
                what = f"attempts of outage {number} of {one.part} in {one.event}"
                remedy = "system/consumer/loop.py: a turn that succeeds ends the outage"
                observe(what, expected=f"1 first, rising, with {least}", observed=attempts, remedy=remedy, evidence=one.evidence,
                        holds=attempts[:1] == [1] and attempts == sorted(set(attempts)) and set(least) <= set(attempts))  # fmt: skip
                repeated = [attempt for (_, before), (attempt, error) in pairwise(lines) if error == before and attempt.bit_count() != 1]
                observe(f"{what} that repeat an error and are not a power of two", expected=[], observed=repeated, evidence=one.evidence)
