"""Steps of the sweep over an API's crash points: between the body of a vote and its answer."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pytest_bdd import given, then

from features.steps.crash_points import Visit, observe_visits
from validation.ballots import Ballots
from validation.errors import NotProven, ProbeError
from validation.links.addresses import link_to, through
from validation.links.points import Point, points
from validation.links.proxy import Link
from validation.observing import Observe
from validation.probes.http import Answer, HttpProbe
from validation.probes.store import StoreProbe
from validation.probes.stream import StreamProbe
from validation.targets.base import Api, Target
from validation.waiting import eventually

WAYS = ("it is killed", "the link is reset", "it is killed, and asked twice again")
STARTS_SECONDS = 15.0
REACHED_SECONDS = 10.0
COUNTED_SECONDS = 20.0
ANSWERS_SECONDS = 2.0
"""What the contract allows between a fault of Redis and the 503."""
CREATED, UNAVAILABLE, NO_ANSWER = 201, 503, 0


@dataclass
class ApiSweep:
    """Starts APIs behind a link; what becomes of their votes is asked of the API and the consumer of the voters."""

    target: Target
    stream: StreamProbe
    store: StoreProbe
    ballots: Ballots
    ways: tuple[str, ...] = WAYS
    at_once: int = 1  # they share a Redis, and whether it knows the script is a part of the point

    def started(self, link: Link) -> Api:
        """Start an API behind a link."""
        api = self.target.new_api({"REDIS_URL": through(self.target.redis.url, link)})
        api.process.start()
        probe = HttpProbe(api.url)
        if not eventually(lambda: probe.answers("/health"), bool, within=STARTS_SECONDS, never=lambda _: not api.process.alive).held:
            raise NotProven(f"An API behind a link does not start: {api.process.output()[-300:]}")
        return api

    def record(self) -> list[Point]:
        """Let an API take a vote without a key, with one when its Redis does not know the script, and with one when it does."""
        link = link_to(self.target.redis.url)
        try:
            api = self.started(link)
            self.stream.forget_scripts()
            probe = HttpProbe(api.url)
            for key in ("", self.ballots.key(), self.ballots.key()):
                self._note(key, probe.vote("cats", key))
            api.process.stop()
            return points("redis", link.seen, "")
        finally:
            link.close()

    def visit(self, point: Point, how: str) -> Visit:
        """Stop an API at a point, end it or its link there, and look whether its answer was true."""
        link = link_to(self.target.redis.url)
        held = link.hold(point.matcher(), side=point.side)
        api = self.started(link)
        key = self.ballots.key() if point.step != "added" else ""
        if "whole script" in point.step:
            self.stream.forget_scripts()
        try:
            with ThreadPoolExecutor(1) as pool:
                answering = pool.submit(_vote, HttpProbe(api.url), key)
                if not held.wait(REACHED_SECONDS).held:
                    return Visit(point, how, reached=False, wrong="", seconds=0.0)
                begun = time.monotonic()
                if how != WAYS[1]:
                    api.process.kill()
                held.drop()
                answer = answering.result()
            late = "" if (waited := time.monotonic() - begun) <= ANSWERS_SECONDS else f"no answer for {waited:.1f} s; "
            self._note(key, answer)
            return Visit(point, how, reached=True, wrong=late + self._judge(how, key, answer), seconds=time.monotonic() - begun)
        finally:
            api.process.stop()
            link.close()

    def _judge(self, how: str, key: str, answer: Answer) -> str:
        wrong = []
        allowed = UNAVAILABLE if how == WAYS[1] else NO_ANSWER
        if answer.status != allowed or (allowed == UNAVAILABLE and "retry-after" not in answer.headers):
            wrong.append(f"answered {answer}, and not {allowed}")
        if key:
            voters = HttpProbe(self.target.api.url)
            again = [voters.vote("cats", key) for _ in range(2 if how == WAYS[2] else 1)]
            for repeated in again:
                self._note(key, repeated)
            ids = {(str(a.status), str((a.json() or {}).get("vote_id")), str((a.json() or {}).get("stream_id"))) for a in again}
            if len(ids) != 1 or next(iter(ids))[0] != str(CREATED):
                wrong.append(f"asked again it answered {ids}")
            else:
                vote = next(iter(ids))[1]
                counted = eventually(lambda: self.store.ledger([vote]), lambda ledger: ledger == {vote: "cats"}, within=COUNTED_SECONDS)
                if not counted.held:
                    wrong.append(f"the vote is in the ledger as {counted.value}")
        return "; ".join(wrong)

    def _note(self, key: str, answer: Answer) -> None:
        self.ballots.record(key, "cats", answer.status, str((answer.json() or {}).get("vote_id", "")))


@given("the commands of an API between body and answer", target_fixture="recorded")
def commands_of_an_api(target: Target, stream: StreamProbe, store: StoreProbe, ballots: Ballots) -> tuple[ApiSweep, list[Point]]:
    target.redis.must_be_ours()
    _ = target.api, target.consumer
    sweep = ApiSweep(target, stream, store, ballots)
    found = {(point.step, point.side): Point("redis", point.step, 1, point.side) for point in sweep.record()}
    return sweep, list(found.values())


@then("after each death no answer was a promise that is not kept, and a repeated vote is one vote")
def promises_are_kept(visits: list[Visit], measure: Callable[[str, float, str], None], observe: Observe) -> None:
    steps = sorted({visit.point.step for visit in visits})
    named = ["added", "added once", "added once, by the whole script"]
    observe("steps of an API with a crash point", expected=named, observed=steps)
    observe_visits(visits, "an API", measure, observe)


def _vote(probe: HttpProbe, key: str) -> Answer:
    try:
        return probe.vote("cats", key)
    except ProbeError:
        return Answer(NO_ANSWER, {}, b"", 0.0)
