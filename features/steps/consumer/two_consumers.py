"""Steps with two consumers that hold the same votes, and with votes under the same stream id."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from pytest_bdd import given, parsers, then, when

from features.support.streams import OwnStream, new_own_stream
from validation.core.waiting import eventually
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.faults.proxy.crash_points import step_of
from validation.faults.proxy.proxy import Breakpoint, FaultProxy
from validation.faults.proxy.traffic import Side
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget
from validation.targets.process import Child

WITHIN = 15.0
STEPS = {"statement": "statement executed", "commit": "statement committed"}
"""What a consumer stops at, as crash points are called."""
VOTES = 20

WENT_ON = frozenset({"vote_processed", "postgres_unavailable"})


@dataclass
class Pair:
    """Two consumers of one stream, each with its own proxy to the database."""

    target: LaunchingTarget
    own: OwnStream
    children: list[Child] = field(default_factory=list)
    proxies: list[FaultProxy] = field(default_factory=list)
    breakpoints: list[Breakpoint] = field(default_factory=list)

    def add(self, side: Side | None, step: str = "statement") -> Breakpoint | None:
        """Start one more consumer. It stops at its statement, or at its commit, if a side is given."""
        proxy = proxy_to(self.target.database.url, self.target.proxy_host)
        self.proxies.append(proxy)
        stop = proxy.break_at(lambda command: step_of(command) == STEPS[step], side=side) if side else None
        child = self.target.new_consumer(self.own.env | {"DATABASE_URL": url_through(self.target.database.url, proxy)})
        self.children.append(child)
        child.start()
        if stop:
            self.breakpoints.append(stop)
        return stop

    def close(self) -> None:
        """Kill both consumers."""
        for child in self.children:
            child.kill()
        for proxy in self.proxies:
            proxy.close()


@pytest.fixture
def pair(target: LaunchingTarget, stream: StreamProbe, afterwards: Callable[..., None]) -> Iterator[Pair]:
    """A new stream with votes, and the consumers of it."""
    made = Pair(target, new_own_stream(target, stream, afterwards, VOTES))
    yield made
    made.close()


@given("a consumer with 20 pending votes, stopped before its statement", target_fixture="own")
def stopped_before(pair: Pair, observe: Observe) -> OwnStream:
    _observe_stopped(pair.add("request"), "the first consumer", observe)
    return pair.own


@given("a second consumer that claimed them, stopped before its statement")
def second_stopped(pair: Pair, stream: StreamProbe, observe: Observe) -> None:
    _observe_stopped(pair.add("request"), "the second consumer", observe)
    observe("pending entries while both are stopped", expected=VOTES, observed=pair.own.pending(stream))


@when("both statements continue")
def both_continue(pair: Pair) -> None:
    for stop in pair.breakpoints:
        stop.release()


@given(parsers.parse("a consumer with 20 pending votes, stopped after its {step} and frozen"), target_fixture="own")
def stopped_and_frozen(step: str, pair: Pair, observe: Observe) -> OwnStream:
    _observe_stopped(pair.add("reply", step), "the first consumer", observe)
    pair.children[0].pause()
    return pair.own


@when("a second consumer claims them, and the first one resumes")
def claimed_and_resumed(pair: Pair, stream: StreamProbe, observe: Observe) -> None:
    pair.add(None)
    drained = pair.own.wait_until_drained(stream)
    observe("the stream while the first one is frozen", expected="drained by the second", observed=drained.value, holds=drained.held,
            evidence=drained.story)  # fmt: skip
    pair.breakpoints[0].release()
    pair.children[0].resume()


@then("the first consumer logs how it went on, both are alive and the dead-letter stream is empty")
def alive_without_dead_letters(pair: Pair, stream: StreamProbe, observe: Observe) -> None:
    """Frozen for longer than its time limit, it cannot know what became of its statement, even if that was committed."""
    logged = eventually(pair.children[0].event_names, lambda names: not WENT_ON.isdisjoint(names), within=WITHIN)
    with observe.together():
        observe("last events of the resumed consumer", expected=sorted(WENT_ON), observed=logged.value[-5:], holds=logged.held)
        observe("both consumers alive", expected=[True, True], observed=[child.alive for child in pair.children])
        observe("entries in the dead-letter stream", expected=0, observed=stream.length(pair.own.dead_letters))


@given("a lost stream with 20 counted votes", target_fixture="lost_ids")
def counted_and_lost(pair: Pair, stream: StreamProbe, observe: Observe) -> list[str]:
    pair.add(None)
    identifiers = [identifier for identifier, _ in stream.entries_after(pair.own.name)]
    drained = pair.own.wait_until_drained(stream)
    observe("the stream before it is lost", expected="drained", observed=drained.value, holds=drained.held)
    pair.children[0].stop()
    stream.forget(pair.own.name)
    return identifiers


@when("20 other votes are added under the same stream ids", target_fixture="own")
def same_ids_again(pair: Pair, lost_ids: list[str], stream: StreamProbe, observe: Observe) -> OwnStream:
    reused = pair.own.add_under(stream, lost_ids)
    observe("stream ids used twice", expected=VOTES, observed=len(set(reused) & set(lost_ids)))
    pair.add(None)
    return pair.own


def _observe_stopped(stop: Breakpoint | None, who: str, observe: Observe) -> None:
    stopped = stop is not None and stop.wait(WITHIN).held
    observe(f"{who} at its statement", expected="stopped", observed=str(stop.command)[:200] if stop else None, holds=stopped)
