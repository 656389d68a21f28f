"""Steps that compare what the API measures about its requests with what a client saw."""

import time

from pytest_bdd import parsers, then, when

from features.support.api import request_seconds
from validation.core.collections import every
from validation.core.waiting import consistently, eventually
from validation.probes.running.event_stream import EventStream
from validation.probes.running.http import Answer, HttpProbe
from validation.record.observe import Observe
from validation.targets.base import Api

WITHIN = 10.0
VOTE, LIVE = "/api/vote", "/api/results/stream"
REMEDY = "system/api/request_log.py"


@when(parsers.parse("a client follows its live results for {seconds:g} seconds"), target_fixture="started_after")
def follows(own_api: Api, seconds: float) -> float:
    """Return how long the client waited until the response started."""
    live, begun = EventStream(f"{own_api.url}{LIVE}"), time.monotonic()
    live.start()
    live.wait_for_response()
    waited = time.monotonic() - begun
    consistently(lambda: None, lambda _: True, during=seconds)
    live.close()
    return waited


@then("its metrics have the time until each of these responses started")
def times_match(own_api: Api, refusal: Answer, started_after: float, observe: Observe) -> None:
    most = {VOTE: refusal.seconds, LIVE: started_after}
    probe = HttpProbe(own_api.url)
    seen = eventually(lambda: {path: request_seconds(probe, path) for path in most}, lambda now: every(now.values()), within=WITHIN)
    with observe.together():
        for path, limit in most.items():
            took = seen.value[path]
            observe(f"api_request_seconds_sum of {path}", expected=f"above 0, at most {limit:.4f}", observed=took, evidence=seen.story,
                    holds=0 < took <= limit, remedy=REMEDY)  # fmt: skip
