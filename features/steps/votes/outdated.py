"""Steps about results while the database is away: what is old must not be told as new."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from pytest_bdd import given, parsers, then

from features.support.api import probe_when_healthy
from validation.core.waiting import eventually
from validation.probes.running.event_stream import OUTAGE_EVENT, EventStream
from validation.probes.running.http import Answer, HttpProbe
from validation.record.observe import Observe
from validation.targets.base import Api

OK, UNAVAILABLE = 200, 503
HEAL_SECONDS = 20.0
BUSY_SECONDS = 4.0


@dataclass(frozen=True)
class Followed:
    """An API and its live results."""

    http: HttpProbe
    live: EventStream

    @property
    def read_at(self) -> list[str]:
        """When the results of each event were read."""
        return [str(event.data.get("last_updated", "")) for event in self.live.events]


@given("an API whose live results a client follows", target_fixture="followed")
def followed_api(start_api: Callable[..., Api], request: pytest.FixtureRequest) -> Followed:
    api = start_api()
    http, live = probe_when_healthy(api), EventStream(f"{api.url}/api/results/stream")
    live.start()
    request.addfinalizer(live.close)
    eventually(lambda: live.everything, bool, within=HEAL_SECONDS)
    return Followed(http, live)


@then(parsers.parse("the results are 503 within {seconds:g} seconds, and none told meanwhile is older than that"))
def results_end(followed: Followed, seconds: float, observe: Observe) -> None:
    ages: list[float] = []
    begun = time.monotonic()

    def read() -> Answer:
        answer = followed.http.send("GET", "/api/results")
        if answer.status == OK:
            ages.append((datetime.now(UTC) - datetime.fromisoformat(answer.json()["last_updated"])).total_seconds())
        return answer

    refused = eventually(read, lambda answer: answer.status == UNAVAILABLE, within=seconds + BUSY_SECONDS)
    stays = followed.http.send("GET", "/api/results")
    with observe.together():
        observe("status of the results", expected=UNAVAILABLE, observed=refused.value.status, evidence=refused.value,
                remedy="system/api/results.py: a failed read must not be answered with an older one")  # fmt: skip
        observe("status of the next request", expected=UNAVAILABLE, observed=stays.status)
        observe("seconds until then", expected=f"at most {seconds:g}", observed=round(time.monotonic() - begun, 1),
                holds=time.monotonic() - begun <= seconds + BUSY_SECONDS, timed=True)  # fmt: skip
        observe("age of the oldest results told meanwhile", expected=f"at most {seconds:g} s", observed=max(ages, default=0.0),
                holds=max(ages, default=0.0) <= seconds)  # fmt: skip


@then(parsers.parse("the live results say within {seconds:g} seconds that they are unavailable"))
def live_results_end(followed: Followed, seconds: float, observe: Observe) -> None:
    told = eventually(
        lambda: [event.kind for event in followed.live.everything], lambda kinds: OUTAGE_EVENT in kinds, within=seconds + BUSY_SECONDS
    )
    right = told.value[-1:] == [OUTAGE_EVENT] and told.value.count(OUTAGE_EVENT) == 1 and "message" in told.value
    remedy = "silence means that nothing has changed"
    observe("kinds of events", expected="message, then one unavailable", observed=told.value, holds=right, remedy=remedy)


@then("results and live results are told again, and were read after the outage")
def told_again(followed: Followed, observe: Observe) -> None:
    before, ended = max(followed.read_at, default=""), len(followed.read_at)
    answer = eventually(lambda: followed.http.send("GET", "/api/results"), lambda one: one.status == OK, within=HEAL_SECONDS).value
    live = eventually(lambda: followed.read_at[ended:], bool, within=HEAL_SECONDS).value
    read = [str((answer.json() or {}).get("last_updated", "")), *live]
    with observe.together():
        observe("status of the results", expected=OK, observed=answer.status)
        observe("live results after the outage", expected="some", observed=len(read) - 1, holds=len(read) > 1)
        observe("when they were read", expected=f"after {before}", observed=read, holds=bool(before) and min(read) > before)
