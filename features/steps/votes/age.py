"""Steps about the age of results, with a database that tells the time at which it was read."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from pytest_bdd import given, parsers, then, when

from features.support.api import probe_when_healthy
from validation.core import protocol
from validation.core.waiting import consistently, eventually
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.probes.running.http import HttpProbe
from validation.probes.running.store import StoreProbe
from validation.record.observe import Observe
from validation.targets.base import Api
from validation.targets.launching import LaunchingTarget

SCHEMA = "votecheck_clock"
OK, READY_SECONDS = 200, 10.0
SLOW_SECONDS = 0.04
"""Delay of each message between API and database: the 25 of one read take about a second."""
READ_TAKES_SECONDS = 0.5
"""A request that waits for such a read takes at least as long."""


@dataclass(frozen=True)
class Told:
    """Results as they were told: how old they were when they were asked for, and how long the request took, in seconds.

    They are older when they arrive, but how much older depends on this machine as well.
    """

    ages: list[float]
    waits: list[float]


@given("an API whose database counts the milliseconds of its clock, and answers late", target_fixture="clock_api")
def clock_api(target: LaunchingTarget, store: StoreProbe, start_api: Callable[..., Api], afterwards: Callable[..., None]) -> HttpProbe:
    target.database.require_managed()
    store.stage_clock(SCHEMA)
    afterwards(lambda: store.drop(SCHEMA))
    proxy = proxy_to(target.database.url, target.proxy_host)
    afterwards(proxy.close)
    api = probe_when_healthy(start_api(DATABASE_URL=f"{url_through(target.database.url, proxy)}?search_path={SCHEMA}"))
    eventually(lambda: api.answers("/api/results"), bool, within=READY_SECONDS)
    proxy.slow(SLOW_SECONDS)
    return api


@when(parsers.parse("a client reads the results without a pause for {seconds:d} seconds"), target_fixture="told")
def reads_on(clock_api: HttpProbe, seconds: int) -> Told:
    told = Told([], [])

    def read() -> None:
        begun = time.time()
        answer = clock_api.send("GET", "/api/results")
        told.waits.append(answer.seconds)
        if answer.status == OK:
            told.ages.append(begun - answer.json()["total_votes"] / 1000)

    consistently(read, lambda _: True, during=seconds)
    return told


@then("some requests waited for the database, and no results were older than two seconds")
def young_enough(told: Told, observe: Observe) -> None:
    slowest, oldest = max(told.waits), max(told.ages, default=float("inf"))
    with observe.together():
        observe("longest wait for results", expected=f"at least {READ_TAKES_SECONDS} s", observed=f"{slowest:.2f} s",
                holds=slowest >= READ_TAKES_SECONDS)  # fmt: skip
        observe(
            "age of the oldest results when they were asked for",
            expected=f"at most {protocol.RESULTS_MAX_AGE_SECONDS} s",
            observed=f"{oldest:.2f} s",
            holds=oldest <= protocol.RESULTS_MAX_AGE_SECONDS,
            evidence=f"{len(told.ages)} of {len(told.waits)} requests were answered with results",
            remedy="system/api/results.py: results are as old as the beginning of their read",
        )
