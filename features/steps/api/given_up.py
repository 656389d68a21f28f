"""Steps with readiness checks that give up while the commands of votes are on their way beside theirs."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from pytest_bdd import given, parsers, then, when

from features.support.apart import OPTIONS, Apart
from features.support.crowd import ACCEPTED, UNAVAILABLE, Crowd
from features.support.pipelining import Request, Response, converse
from validation.core import inputs
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe

VOTE, READY = "POST /api/vote", "GET /ready"
LATE_SECONDS = 0.03
"""Delay of each command and each reply: a vote waits for two exchanges at most, and a readiness check needs more than its time."""


@given("a system of its own whose Redis answers late, with many clients", target_fixture="crowd")
def late_redis(apart: Apart, afterwards: Callable[..., None]) -> Crowd:
    proxy = proxy_to(apart.target.redis.url, apart.target.proxy_host)
    afterwards(proxy.close)
    api = apart.start_api(RATE_LIMIT="", REDIS_URL=url_through(apart.target.redis.url, proxy))
    afterwards(api.process.stop)
    stream = StreamProbe(apart.target.redis.url)
    afterwards(stream.close)
    crowd = Crowd(apart, api, stream)
    crowd.pairs += converse(
        api.url, [[crowd.request(VOTE, ACCEPTED, OPTIONS[0])]]
    )  # connects: that takes more exchanges than a vote has time for
    proxy.slow(LATE_SECONDS)
    return crowd


@when(parsers.parse("{voters:d} clients vote and {asking:d} ask whether it is ready, for {seconds:d} seconds"))
def vote_and_ask(crowd: Crowd, voters: int, asking: int, seconds: int) -> None:
    inputs.note(f"{voters} clients vote and {asking} ask for {READY}, one request after the other, for {seconds} s")
    end, lock = time.monotonic() + seconds, threading.Lock()

    def send(number: int) -> list[tuple[Request, Response]]:
        pairs: list[tuple[Request, Response]] = []
        while time.monotonic() < end:
            with lock:
                request = crowd.request(VOTE, ACCEPTED, OPTIONS[number % 3]) if number < voters else crowd.request(READY, 200)
            pairs += converse(crowd.api.url, [[request]])
        return pairs

    with ThreadPoolExecutor(voters + asking) as pool:
        for one in [pool.submit(send, number) for number in range(voters + asking)]:
            try:
                crowd.pairs += one.result()
            except (OSError, ValueError) as error:
                crowd.errors.append(f"{type(error).__name__}: {error}")


@then("readiness checks gave up while votes were accepted")
def gave_up(crowd: Crowd, observe: Observe) -> None:
    statuses = {line: [response.status for request, response in crowd.pairs if request.line == line] for line in (VOTE, READY)}
    with observe.together():
        observe("readiness checks that gave up", expected="some", observed=statuses[READY].count(UNAVAILABLE),
                holds=UNAVAILABLE in statuses[READY])  # fmt: skip
        observe("votes that were accepted after the first", expected="some", observed=statuses[VOTE].count(ACCEPTED) - 1,
                holds=statuses[VOTE].count(ACCEPTED) > 1, timed=True)  # fmt: skip
