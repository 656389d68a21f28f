"""Steps that crash an API at each of its crash points, between the body of a vote and the response."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pytest_bdd import given, then

from features.support.crash_sweeps import missing_points, observe_crashes, witness
from features.support.parts import record_vote, vote_id
from validation.core import protocol
from validation.core.errors import NotProven, ProbeError
from validation.core.waiting import eventually
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.faults.proxy.crash_points import CrashPoint, crash_points
from validation.faults.proxy.crashes import OK, Crash, not_reached
from validation.faults.proxy.proxy import FaultProxy
from validation.faults.reconciliation import SentVotes
from validation.hops.tracer import Tracer, lines
from validation.probes.running.http import Answer, HttpProbe
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.base import Api
from validation.targets.launching import LaunchingTarget

KILLED, RESET, SILENT, KILLED_REPEATED_TWICE = (
    "killed",
    "the connection is reset",
    "the connection goes silent",
    "killed; the vote is repeated twice",
)
WAYS = (KILLED, RESET, SILENT, KILLED_REPEATED_TWICE)
STARTS_SECONDS = 15.0
REACHED_SECONDS = 10.0
COUNTED_SECONDS = 20.0
RESPONDS_SECONDS = 2.0
"""The contract's limit from a Redis fault to the 503."""
CREATED, UNAVAILABLE, NO_ANSWER = 201, 503, 0
NAMED = ("added", "added once", "added once, by the full script")


@dataclass
class ApiSweep:
    """Starts APIs behind a proxy to Redis; the voters' API and consumer show what became of their votes."""

    target: LaunchingTarget
    stream: StreamProbe
    store: StoreProbe
    sent_votes: SentVotes
    tracer: Tracer
    ways: tuple[str, ...] = (KILLED, KILLED_REPEATED_TWICE, RESET, SILENT)
    at_once: int = 1  # they share a Redis, and whether it knows the script is part of the point

    def started(self, proxy: FaultProxy) -> Api:
        """Start an API behind a proxy."""
        api = self.target.new_api({"REDIS_URL": url_through(self.target.redis.url, proxy)})
        api.process.start()
        probe = HttpProbe(api.url)
        if not eventually(lambda: probe.answers("/health"), bool, within=STARTS_SECONDS, never=lambda _: not api.process.alive).held:
            raise NotProven(f"The API behind the fault proxy does not start: {api.process.output()[-300:]}")
        return api

    def record(self) -> list[CrashPoint]:
        """Send an API a vote without a key, one with a key before Redis knows the script, and one after; return the points of all three."""
        proxy = proxy_to(self.target.redis.url, self.target.proxy_host)
        try:
            api = self.started(proxy)
            self.stream.forget_scripts()
            probe = HttpProbe(api.url)
            answers = {key: probe.vote("cats", key) for key in ("", self.sent_votes.key(), self.sent_votes.key())}
            for key, answer in answers.items():
                record_vote(self.sent_votes, key, "cats", answer)
            api.process.stop()
            if unlike := [answer.status for answer in answers.values() if answer.status != CREATED]:
                raise NotProven(f"Even without a crash the API does not accept votes: {unlike}")
            promised = {vote_id(answer): "cats" for answer in answers.values()}
            counted = eventually(lambda: self.store.ledger(list(promised)), lambda ledger: ledger == promised, within=COUNTED_SECONDS)
            if not counted.held:
                raise NotProven(f"Even without a crash the votes of the API are not counted: {counted.value}")
            return crash_points("redis", proxy.commands, "")
        finally:
            proxy.close()

    def crash(self, point: CrashPoint, how: str) -> Crash:
        """Stop an API at a point, crash it or its connection there, and check its response and what became of the vote."""
        proxy = proxy_to(self.target.redis.url, self.target.proxy_host)
        stop = proxy.break_at(point.matcher(), side=point.side)
        api = self.started(proxy)
        key = self.sent_votes.key() if point.step != "added" else ""
        if "full script" in point.step:
            self.stream.forget_scripts()
        self.target.consumer.pause()  # keeps what was added in the stream
        before = self.stream.last_id(protocol.STREAM)
        try:
            with ThreadPoolExecutor(1) as pool:
                response = pool.submit(_vote, HttpProbe(api.url), key)
                if not stop.wait(REACHED_SECONDS).held:
                    return not_reached(point, how, f"no such command within {REACHED_SECONDS:.0f} s")
                begun = time.monotonic()
                if how in {KILLED, KILLED_REPEATED_TWICE}:
                    api.process.kill()
                if how != SILENT:
                    stop.drop()
                answer = response.result()
            waited = time.monotonic() - begun
            late = f"no response for {waited:.1f} s" if waited > RESPONDS_SECONDS else ""
            seen = witness(stop, proxy, api.process)
            stop.drop()
            record_vote(self.sent_votes, key, "cats", answer)
            wrong = [late, self._wrong_response(how, answer), self._wrong_promise(how, key, before, point.side == "reply")]
            verdict = "; ".join(filter(None, wrong)) or OK
            return Crash(str(point), how, seen, time.monotonic() - begun, verdict)
        finally:
            self.target.consumer.resume()
            api.process.stop()
            proxy.close()

    def _wrong_response(self, how: str, answer: Answer) -> str:
        allowed = NO_ANSWER if how in {KILLED, KILLED_REPEATED_TWICE} else UNAVAILABLE
        right = answer.status == allowed and (allowed != UNAVAILABLE or "retry-after" in answer.headers)
        return "" if right else f"responded {answer}, not {allowed}"

    def _wrong_promise(self, how: str, key: str, before: str, done: bool) -> str:
        """Repeat a vote that has a key, and return what is wrong unless it is then once in the stream and once in the ledger.

        Args:
            how: what was done to the API.
            key: the key of the vote; a vote without one cannot be repeated.
            before: the id of the last entry before the vote.
            done: whether Redis had executed the command.
        """
        voters = HttpProbe(self.target.api.url)
        again = [voters.vote("cats", key) for _ in range(2 if how == KILLED_REPEATED_TWICE else 1)] if key else []
        for repeated in again:
            record_vote(self.sent_votes, key, "cats", repeated)
        promised = {(a.status, vote_id(a), str((a.json() or {}).get("stream_id", ""))) for a in again}
        added = self.stream.entries_after(protocol.STREAM, before)
        self.target.consumer.resume()
        if len(added) != (1 if key else int(done)):
            return f"the vote is in the stream {len(added)} times"
        if not key:
            return ""
        if len(promised) != 1 or next(iter(promised))[::2] != (CREATED, added[0][0]):
            return f"the repeated vote got {promised}"
        vote = next(iter(promised))[1]
        counted = eventually(lambda: self.store.ledger([vote]), lambda ledger: ledger == {vote: "cats"}, within=COUNTED_SECONDS)
        return "" if counted.held else "; ".join(lines(self.tracer.find(self.sent_votes.to_trace([vote]))))


@given("the commands of an API between request body and response", target_fixture="recorded")
def commands_of_an_api(
    target: LaunchingTarget, stream: StreamProbe, store: StoreProbe, sent_votes: SentVotes, tracer: Tracer
) -> tuple[ApiSweep, list[CrashPoint]]:
    target.redis.require_managed()
    _ = target.api, target.consumer
    sweep = ApiSweep(target, stream, store, sent_votes, tracer)
    found = {(point.step, point.side): CrashPoint("redis", point.step, 1, point.side) for point in sweep.record()}
    return sweep, list(found.values())


@then("after each crash every promised vote is counted, and a repeated vote is one vote")
def promises_are_kept(crashes: list[Crash], measure: Callable[[str, float, str], None], observe: Observe) -> None:
    remedy = "system/api/stream.py must add a vote and its key in one step, and system/api/pipeline.py must wait for 1.8 s at most"
    observe_crashes(crashes, "an API", remedy, measure, observe)
    observe("missing crash points", expected=[], observed=missing_points(NAMED, (crash.point for crash in crashes)))


def _vote(probe: HttpProbe, key: str) -> Answer:
    try:
        return probe.vote("cats", key)
    except ProbeError:
        return Answer(NO_ANSWER, {}, b"", 0.0)
