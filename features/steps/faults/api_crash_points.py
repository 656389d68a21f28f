"""Steps of the sweep over an API's crash points: between the body of a vote and its answer."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pytest_bdd import given, then

from features.steps.faults.consumer_crash_points import observe_crashes, witness
from validation.core import protocol
from validation.core.errors import NotProven, ProbeError
from validation.core.waiting import eventually
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.faults.proxy.crash_points import CrashPoint, crash_points
from validation.faults.proxy.crashes import OK, Crash, not_reached
from validation.faults.proxy.proxy import FaultProxy
from validation.faults.reconciliation import SentVotes
from validation.probes.running.http import Answer, HttpProbe
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.base import Api
from validation.targets.launching import LaunchingTarget

KILLED, RESET, SILENT, KILLED_ASKED_TWICE = (
    "it is killed",
    "the connection is reset",
    "the connection goes silent",
    "it is killed, and asked twice again",
)
WAYS = (KILLED, RESET, SILENT, KILLED_ASKED_TWICE)
STARTS_SECONDS = 15.0
REACHED_SECONDS = 10.0
COUNTED_SECONDS = 20.0
ANSWERS_SECONDS = 2.0
"""What the contract allows between a fault of Redis and the 503."""
CREATED, UNAVAILABLE, NO_ANSWER = 201, 503, 0
NAMED = ("added", "added once", "added once, by the full script")


@dataclass
class ApiSweep:
    """Starts APIs behind a proxy; what becomes of their votes is asked of the API and the consumer of the voters."""

    target: LaunchingTarget
    stream: StreamProbe
    store: StoreProbe
    sent_votes: SentVotes
    ways: tuple[str, ...] = (KILLED, KILLED_ASKED_TWICE, RESET, SILENT)
    at_once: int = 1  # they share a Redis, and whether it knows the script is a part of the point

    def started(self, proxy: FaultProxy) -> Api:
        """Start an API behind a proxy."""
        api = self.target.new_api({"REDIS_URL": url_through(self.target.redis.url, proxy)})
        api.process.start()
        probe = HttpProbe(api.url)
        if not eventually(lambda: probe.answers("/health"), bool, within=STARTS_SECONDS, never=lambda _: not api.process.alive).held:
            raise NotProven(f"An API behind a proxy does not start: {api.process.output()[-300:]}")
        return api

    def record(self) -> list[CrashPoint]:
        """Let an API take a vote without a key, with one when its Redis does not know the script, and with one when it does."""
        proxy = proxy_to(self.target.redis.url, self.target.proxy_host)
        try:
            api = self.started(proxy)
            self.stream.forget_scripts()
            probe = HttpProbe(api.url)
            answers = {key: probe.vote("cats", key) for key in ("", self.sent_votes.key(), self.sent_votes.key())}
            for key, answer in answers.items():
                self._note(key, answer)
            api.process.stop()
            if unlike := [answer.status for answer in answers.values() if answer.status != CREATED]:
                raise NotProven(f"Votes are not even accepted where nothing befalls an API: {unlike}")
            promised = {_told(answer, "vote_id"): "cats" for answer in answers.values()}
            counted = eventually(lambda: self.store.ledger(list(promised)), lambda ledger: ledger == promised, within=COUNTED_SECONDS)
            if not counted.held:
                raise NotProven(f"Votes are not even counted where nothing befalls an API: {counted.value}")
            return crash_points("redis", proxy.commands, "")
        finally:
            proxy.close()

    def crash(self, point: CrashPoint, how: str) -> Crash:
        """Stop an API at a point, end it or its connection there, and look whether its answer was true."""
        proxy = proxy_to(self.target.redis.url, self.target.proxy_host)
        held = proxy.break_at(point.matcher(), side=point.side)
        api = self.started(proxy)
        key = self.sent_votes.key() if point.step != "added" else ""
        if "full script" in point.step:
            self.stream.forget_scripts()
        self.target.consumer.pause()  # so that what was added stays in the stream, to be looked at
        before = self.stream.last_id(protocol.STREAM)
        try:
            with ThreadPoolExecutor(1) as pool:
                answering = pool.submit(_vote, HttpProbe(api.url), key)
                if not held.wait(REACHED_SECONDS).held:
                    return not_reached(point, how, f"no such command within {REACHED_SECONDS:.0f} s")
                begun = time.monotonic()
                if how in {KILLED, KILLED_ASKED_TWICE}:
                    api.process.kill()
                if how != SILENT:
                    held.drop()
                answer = answering.result()
            waited = time.monotonic() - begun
            late = f"no answer for {waited:.1f} s" if waited > ANSWERS_SECONDS else ""
            seen = witness(held, proxy, api.process)
            held.drop()
            self._note(key, answer)
            wrong = [late, self._wrong_answer(how, answer), self._wrong_promise(how, key, before, point.side == "reply")]
            verdict = "; ".join(filter(None, wrong)) or OK
            return Crash(str(point), how, seen, time.monotonic() - begun, verdict)
        finally:
            self.target.consumer.resume()
            api.process.stop()
            proxy.close()

    def _wrong_answer(self, how: str, answer: Answer) -> str:
        allowed = NO_ANSWER if how in {KILLED, KILLED_ASKED_TWICE} else UNAVAILABLE
        right = answer.status == allowed and (allowed != UNAVAILABLE or "retry-after" in answer.headers)
        return "" if right else f"answered {answer}, and not {allowed}"

    def _wrong_promise(self, how: str, key: str, before: str, done: bool) -> str:
        """Ask again where there is a key; then the vote must be in the stream once, and in the ledger once.

        Args:
            how: what was done to the API.
            key: the vote's key; without one nobody can ask again.
            before: the last entry before the vote.
            done: whether Redis had carried the command out.
        """
        voters = HttpProbe(self.target.api.url)
        again = [voters.vote("cats", key) for _ in range(2 if how == KILLED_ASKED_TWICE else 1)] if key else []
        for repeated in again:
            self._note(key, repeated)
        promised = {(a.status, _told(a, "vote_id"), _told(a, "stream_id")) for a in again}
        added = self.stream.entries_after(protocol.STREAM, before)
        self.target.consumer.resume()
        if len(added) != (1 if key else int(done)):
            return f"the vote is {len(added)} times in the stream"
        if not key:
            return ""
        if len(promised) != 1 or next(iter(promised))[::2] != (CREATED, added[0][0]):
            return f"asked again it answered {promised}"
        vote = next(iter(promised))[1]
        counted = eventually(lambda: self.store.ledger([vote]), lambda ledger: ledger == {vote: "cats"}, within=COUNTED_SECONDS)
        return "" if counted.held else f"the vote is in the ledger as {counted.value}"

    def _note(self, key: str, answer: Answer) -> None:
        self.sent_votes.record(key, "cats", answer.status, _told(answer, "vote_id"))


@given("the commands of an API between body and answer", target_fixture="recorded")
def commands_of_an_api(
    target: LaunchingTarget, stream: StreamProbe, store: StoreProbe, sent_votes: SentVotes
) -> tuple[ApiSweep, list[CrashPoint]]:
    target.redis.require_managed()
    _ = target.api, target.consumer
    sweep = ApiSweep(target, stream, store, sent_votes)
    found = {(point.step, point.side): CrashPoint("redis", point.step, 1, point.side) for point in sweep.record()}
    return sweep, list(found.values())


@then("after each death no answer was a promise that is not kept, and a repeated vote is one vote")
def promises_are_kept(crashes: list[Crash], measure: Callable[[str, float, str], None], observe: Observe) -> None:
    remedy = "system/api/stream.py adds a vote and remembers its key in one step, and system/api/pipeline.py waits for 1.8 s at most"
    observe_crashes(crashes, "an API", remedy, measure, observe)
    seen = {crash.point.partition(" ")[2] for crash in crashes}
    observe("steps without a crash point", expected=[], observed=[step for step in NAMED if step not in seen])


def _vote(probe: HttpProbe, key: str) -> Answer:
    try:
        return probe.vote("cats", key)
    except ProbeError:
        return Answer(NO_ANSWER, {}, b"", 0.0)


def _told(answer: Answer, name: str) -> str:
    return str((answer.json() or {}).get(name, ""))
