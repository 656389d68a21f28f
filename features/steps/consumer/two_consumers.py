"""Steps about two consumers with the same votes in hand, and about votes with the same stream id."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from pytest_bdd import given, then, when

from features.steps.consumer.stream import OwnStream, new_own_stream
from validation.core import protocol
from validation.core.waiting import eventually
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.faults.proxy.proxy import Breakpoint, FaultProxy
from validation.faults.proxy.traffic import Command, Side
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget
from validation.targets.process import Child

WITHIN = 15.0
VOTES = 20


@dataclass
class Pair:
    """Consumers on one stream, each behind a fault proxy to the database."""

    target: LaunchingTarget
    own: OwnStream
    children: list[Child] = field(default_factory=list)
    proxies: list[FaultProxy] = field(default_factory=list)
    held: list[Breakpoint] = field(default_factory=list)

    def add(self, side: Side | None) -> Breakpoint | None:
        """Start one more, which stops at its statement if a side is given."""
        proxy = proxy_to(self.target.database.url, self.target.proxy_host)
        self.proxies.append(proxy)
        held = proxy.break_at(_counts, side=side) if side else None
        child = self.target.new_consumer(self.own.env | {"DATABASE_URL": url_through(self.target.database.url, proxy)})
        self.children.append(child)
        child.start()
        if held:
            self.held.append(held)
        return held

    def close(self) -> None:
        """End them."""
        for child in self.children:
            child.kill()
        for proxy in self.proxies:
            proxy.close()


def _counts(command: Command) -> bool:
    return command.label == "execute" and "increment_votes" in command.words[1]


@pytest.fixture
def pair(target: LaunchingTarget, stream: StreamProbe, afterwards: Callable[..., None]) -> Iterator[Pair]:
    """A stream of its own with votes, and the consumers on it."""
    made = Pair(target, new_own_stream(target, stream, afterwards, VOTES))
    yield made
    made.close()


@given("a consumer that holds 20 votes, stopped before its statement", target_fixture="own")
def stopped_before(pair: Pair, observe: Observe) -> OwnStream:
    _observe_stopped(pair.add("request"), "the first consumer", observe)
    return pair.own


@given("another that has taken them over, stopped before its statement")
def another_stopped(pair: Pair, stream: StreamProbe, observe: Observe) -> None:
    _observe_stopped(pair.add("request"), "the second consumer", observe)
    group = stream.group(pair.own.name, pair.own.group)
    observe("pending entries, with both statements held", expected=VOTES, observed=group.pending if group else "no group")


@when("both statements are let go")
def both_let_go(pair: Pair) -> None:
    for held in pair.held:
        held.release()


@given("a consumer that holds 20 votes, stopped after its statement and frozen", target_fixture="own")
def stopped_and_frozen(pair: Pair, observe: Observe) -> OwnStream:
    held = pair.add("reply")
    _observe_stopped(held, "the first consumer", observe)
    pair.children[0].pause()
    return pair.own


@when("another has taken them over, and the first one thaws")
def taken_over_and_thawed(pair: Pair, stream: StreamProbe) -> None:
    pair.add(None)
    pair.own.wait_until_drained(stream)
    pair.held[0].release()
    pair.children[0].resume()
    eventually(pair.children[0].event_names, lambda names: "vote_processed" in names, within=WITHIN)


@then("both consumers are alive and no vote is in the dead letters")
def alive_and_no_letters(pair: Pair, stream: StreamProbe, observe: Observe) -> None:
    processed = eventually(pair.children[0].event_names, lambda names: "vote_processed" in names, within=WITHIN)
    with observe.together():
        observe("the thawed consumer went on", expected="vote_processed", observed=processed.value[-5:], holds=processed.held)
        observe("consumers alive", expected=[True, True], observed=[child.alive for child in pair.children])
        observe("dead letters", expected=0, observed=stream.length(pair.own.name + protocol.DEAD_SUFFIX))


@given("20 votes that were counted, and a stream that was lost", target_fixture="lost_ids")
def counted_and_lost(pair: Pair, stream: StreamProbe, observe: Observe) -> list[str]:
    pair.add(None)
    identifiers = [identifier for identifier, _ in stream.entries_after(pair.own.name)]
    drained = pair.own.wait_until_drained(stream)
    observe("the first votes", expected="counted", observed=drained.value, holds=drained.held)
    pair.children[0].stop()
    stream.forget(pair.own.name)
    return identifiers


@when("20 other votes come under the very same stream ids", target_fixture="own")
def same_ids_again(pair: Pair, lost_ids: list[str], stream: StreamProbe, observe: Observe) -> OwnStream:
    again = pair.own.add_under(stream, lost_ids)
    observe("ids that were given twice", expected=VOTES, observed=len(set(again) & set(lost_ids)))
    pair.add(None)
    return pair.own


def _observe_stopped(held: Breakpoint | None, who: str, observe: Observe) -> None:
    stopped = held is not None and held.wait(WITHIN).held
    observe(f"{who} at its statement", expected="stopped", observed=str(held.command)[:200] if held else None, holds=stopped)
