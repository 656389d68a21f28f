"""Steps that crash a consumer at each of its crash points, let a successor finish its work, and count the votes."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pytest_bdd import given, then, when

from features.support.crash_sweeps import AFTER_REPLY, Sweep, missing_points, observe_crashes, sweep_over, witness
from features.support.reconciliation import observe_counts
from features.support.streams import OwnStream, new_own_stream
from validation.core.errors import NotProven
from validation.core.settings import RunSettings
from validation.core.waiting import eventually
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.faults.proxy.crash_points import CrashPoint, crash_points
from validation.faults.proxy.crashes import OK, Crash, not_reached
from validation.faults.proxy.proxy import FaultProxy
from validation.faults.proxy.traffic import WireProtocol
from validation.faults.reconciliation import reconcile
from validation.hops.tracer import Tracer, lines
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget

KILLED = ("killed; a successor with its name", "killed; a successor with another name")
WAYS = (*KILLED, "the connection is reset, and the process goes on", AFTER_REPLY)
REACHED_SECONDS = 15.0
RECOVERED_SECONDS = 25.0
LONG_AGO_MS = 60_000
LOG_MAX = 3000
MALFORMED = {"option": "cats", "timestamp": "1700000000000", "request_id": "no UUID"}
NAMED = (
    "claimed",
    "new entries read",
    "statement committed",
    "dead letter and acknowledgement committed",
    "acknowledged",
    "trimmed",
)
"""Commands at which a vote could be lost or counted twice. The sweep discovers its points; these must be among them."""


@dataclass
class ConsumerSweep:
    """Starts consumers behind fault proxies, each on its own stream."""

    target: LaunchingTarget
    stream: StreamProbe
    store: StoreProbe
    tracer: Tracer
    afterwards: Callable[..., None]
    ways: tuple[str, ...] = WAYS
    at_once: int = 3

    @contextmanager
    def proxies(self) -> Iterator[dict[WireProtocol, FaultProxy]]:
        """Start a proxy to each server."""
        made: dict[WireProtocol, FaultProxy] = {}
        try:
            made["redis"] = proxy_to(self.target.redis.url, self.target.proxy_host)
            made["postgres"] = proxy_to(self.target.database.url, self.target.proxy_host)
            yield made
        finally:
            for proxy in made.values():
                proxy.close()

    def filled_stream(self) -> OwnStream:
        """Create a stream with two pending votes of a dead consumer, three new votes, and a malformed entry."""
        own = new_own_stream(self.target, self.stream, self.afterwards, 2)
        held = self.stream.deliver(own.name, own.group, "votecheck-dead", 2)
        self.stream.age(own.name, own.group, "votecheck-dead", [identifier for identifier, _ in held], LONG_AGO_MS)
        own.add(self.stream, 3)
        own.malformed[self.stream.add(own.name, MALFORMED)] = MALFORMED
        return own

    def record(self) -> list[CrashPoint]:
        """Run a consumer without a crash, and return the points before and after its commands."""
        own = self.filled_stream()
        with self.proxies() as proxies:
            consumer = self.target.new_consumer(own.env | _through_proxies(proxies, self.target))
            consumer.start()
            try:
                if wrong := self.wrong_with(own):
                    raise NotProven(f"Even without a crash the consumer fails: {wrong}\n{consumer.output()[-500:]}")
            finally:
                consumer.stop()
            return crash_points("postgres", proxies["postgres"].commands, "") + crash_points("redis", proxies["redis"].commands, "trimmed")

    def crash(self, point: CrashPoint, how: str) -> Crash:
        """Stop a consumer at a point, crash it or its connection there, let a successor or itself finish, and check the stream."""
        own = self.filled_stream()
        with self.proxies() as proxies:
            proxy = proxies[point.protocol]
            stop = proxy.break_at(point.matcher(), side=point.side)
            env = own.env | _through_proxies(proxies, self.target)
            consumer = self.target.new_consumer(env)
            successor = consumer
            consumer.start()
            try:
                if not stop.wait(REACHED_SECONDS).held:
                    return not_reached(point, how, f"no such command within {REACHED_SECONDS:.0f} s")
                killed = how in KILLED
                if killed:
                    consumer.kill()
                if how == AFTER_REPLY:  # it resumes with both there, and writes to a closed connection
                    consumer.pause()
                    stop.release_and_reset()
                    eventually(lambda: proxy.counters.closed, bool, within=REACHED_SECONDS)
                    consumer.resume()
                else:
                    stop.drop()
                if killed:
                    name = {"CONSUMER_NAME": consumer.env["CONSUMER_NAME"]} if how == KILLED[0] else {}
                    successor = self.target.new_consumer(own.env | name)
                    successor.start()
                begun = time.monotonic()
                verdict = self.wrong_with(own) or OK
                seconds, seen = time.monotonic() - begun, witness(stop, proxy, consumer)
                log = (
                    ""
                    if verdict == OK
                    else "\n".join(child.output()[-LOG_MAX:] for child in ([consumer] if successor is consumer else [consumer, successor]))
                )
                return Crash(str(point), how, seen, seconds, verdict, log)
            finally:
                consumer.kill()
                successor.stop()

    def wrong_with(self, own: OwnStream) -> str:
        """Wait until a stream is drained and trimmed, and return what is wrong with its votes; empty if nothing is."""
        drained = self.stream.wait_until_drained(own.name, own.group, within=RECOVERED_SECONDS)
        length = eventually(lambda: self.stream.length(own.name), lambda entries: entries <= 1, within=RECOVERED_SECONDS - drained.seconds)
        votes = reconcile(own.votes, self.store.ledger(own.votes))
        letters = sorted(fields.get("source_id", "") for _, fields in self.stream.entries_after(own.dead_letters))
        wrong = []
        if not (drained.held and length.held):
            wrong.append(f"not drained and trimmed: {drained.value}, {length.value} entries")
        if not votes.consistent:
            wrong.append(f"{len(votes.lost)} of {votes.ok} votes not counted, {len(votes.wrong)} for another option")
            wrong.extend(lines(self.tracer.of(own.name, own.group).find(own.to_trace(votes.wrong_ids))))
        if letters != sorted(own.malformed):
            wrong.append(f"dead-lettered {letters}, expected {sorted(own.malformed)}")
        return "; ".join(wrong)


@given("the commands of a consumer that claims, counts, dead-letters, acknowledges and trims", target_fixture="recorded")
def commands_of_a_consumer(
    target: LaunchingTarget, stream: StreamProbe, store: StoreProbe, tracer: Tracer, afterwards: Callable[..., None]
) -> tuple[Sweep, list[CrashPoint]]:
    # Where processes start slowly, most of a crash is spent waiting for the container engine, which costs no processor time.
    sweep = ConsumerSweep(target, stream, store, tracer, afterwards, at_once=3 if target.starts_fast else 6)
    return sweep, sweep.record()


@when("it is killed or its connection is reset, before and after each of them", target_fixture="crashes")
@when("it is killed and its connection is reset or goes silent, before and after each of them", target_fixture="crashes")
def crashed_at_each(
    recorded: tuple[Sweep, list[CrashPoint]], settings: RunSettings, measure: Callable[[str, float, str], None]
) -> list[Crash]:
    sweep, found = recorded
    return sweep_over(sweep, found, settings, measure)


@then("the crash points include every command at which a vote could be lost or counted twice")
def points_are_complete(recorded: tuple[Sweep, list[CrashPoint]], observe: Observe) -> None:
    missing = missing_points(NAMED, map(str, recorded[1]))
    listed = "\n".join(map(str, recorded[1]))
    observe("missing crash points", expected=[], observed=missing, evidence=listed)


@then("after each crash every vote is counted once and every malformed entry is dead-lettered once")
def counted_once_after_each(crashes: list[Crash], store: StoreProbe, measure: Callable[[str, float, str], None], observe: Observe) -> None:
    observe_crashes(crashes, "a consumer", "system/consumer/loop.py must acknowledge exactly what it committed", measure, observe)
    observe_counts(store, observe)


def _through_proxies(proxies: dict[WireProtocol, FaultProxy], target: LaunchingTarget) -> dict[str, str]:
    return {
        "REDIS_URL": url_through(target.redis.url, proxies["redis"]),
        "DATABASE_URL": url_through(target.database.url, proxies["postgres"]),
    }
