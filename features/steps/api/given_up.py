"""Steps with readiness checks that give up while the commands of votes are on their way beside theirs."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from pytest_bdd import given, parsers, then, when

from features.support.apart import OPTIONS, Apart
from features.support.crowd import ACCEPTED, UNAVAILABLE, Crowd
from features.support.pipelining import converse
from validation.core import inputs
from validation.core.waiting import consistently
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.faults.proxy.proxy import FaultProxy
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe

VOTE, READY = "POST /api/vote", "GET /ready"
LATE_SECONDS, STEP_SECONDS, EVERY_SECONDS = 0.03, 0.005, 0.5
"""Delay of each command and each reply. It is changed step by step, so that votes come through and readiness checks do not: how many
commands share an exchange depends on this machine."""


@pytest.fixture
def late_proxy(apart: Apart) -> Iterator[FaultProxy]:
    """The way to the Redis of the system, which can be slow."""
    proxy = proxy_to(apart.target.redis.url, apart.target.proxy_host)
    yield proxy
    proxy.close()


@given("a system of its own whose Redis answers late, with many clients", target_fixture="crowd")
def late_redis(apart: Apart, late_proxy: FaultProxy, afterwards: Callable[..., None]) -> Crowd:
    api = apart.start_api(RATE_LIMIT="", REDIS_URL=url_through(apart.target.redis.url, late_proxy))
    afterwards(api.process.stop)
    stream = StreamProbe(apart.target.redis.url)
    afterwards(stream.close)
    crowd = Crowd(apart, api, stream)
    crowd.pairs += converse(
        api.url, [[crowd.request(VOTE, ACCEPTED, OPTIONS[0])]]
    )  # connects: that takes more exchanges than a vote has time for
    return crowd


@when(parsers.parse("{voters:d} clients vote and {asking:d} ask whether it is ready, for {seconds:d} seconds"))
def vote_and_ask(crowd: Crowd, late_proxy: FaultProxy, voters: int, asking: int, seconds: int) -> None:
    inputs.note(f"{voters} clients vote and {asking} ask for {READY}, one request after the other, for {seconds} s")
    end, lock = time.monotonic() + seconds, threading.Lock()

    def send(number: int) -> None:
        while time.monotonic() < end:
            with lock:
                request = crowd.request(VOTE, ACCEPTED, OPTIONS[number % 3]) if number < voters else crowd.request(READY, 200)
            crowd.pairs += converse(crowd.api.url, [[request]])

    late = LATE_SECONDS
    with ThreadPoolExecutor(voters + asking) as pool:
        running = [pool.submit(send, number) for number in range(voters + asking)]
        while time.monotonic() < end:
            late_proxy.slow(late)
            before = len(crowd.pairs)
            consistently(lambda: None, lambda _: True, during=EVERY_SECONDS, every=EVERY_SECONDS / 2)
            answers = [(request.line, response.status) for request, response in crowd.pairs[before:]]
            if (READY, 200) in answers:
                late += STEP_SECONDS
            elif (VOTE, ACCEPTED) not in answers:
                late = max(late - STEP_SECONDS, STEP_SECONDS)
        for one in running:
            try:
                one.result()
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
