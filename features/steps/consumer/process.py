"""Steps about the consumer as a process: start-up, variables, time with a dependency down, SIGTERM."""

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from pytest_bdd import given, parsers, then, when

from features.steps.api.process import NOBODY_LISTENS
from features.steps.consumer.stream import OwnStream
from validation.core import protocol
from validation.core.waiting import Waited, eventually
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget
from validation.targets.process import Child

STARTS_SECONDS = 20.0
SAYS_SECONDS = 3.0
TRIES_SECONDS = 20.0


@dataclass
class Running:
    """The consumer that the scenario speaks of; a restart replaces it."""

    child: Child
    env: dict[str, str]


@pytest.fixture
def start_consumer(target: LaunchingTarget, trial_begins: None) -> Iterator[Callable[..., Running]]:  # noqa: ARG001 - the trial of heartbeat.py
    """Start a consumer with variables of its own; it ends with the scenario."""
    started: list[Child] = []

    def start(**env: str) -> Running:
        child = target.new_consumer(env)
        child.start()
        started.append(child)
        return Running(child, env)

    yield start
    for child in started:
        child.stop()


@when("a consumer is started on it", target_fixture="running")
@when("another consumer is started on it", target_fixture="running")
def consumer_on_it(start_consumer: Callable[..., Running], own: OwnStream) -> Running:
    return start_consumer(**own.env)


@when(parsers.re("a consumer is started on it without (?P<part>Redis|the database)"), target_fixture="running")
def consumer_without(start_consumer: Callable[..., Running], own: OwnStream, part: str) -> Running:
    return start_consumer(**own.env, **NOBODY_LISTENS[part])


@then("its start-up events come in order")
def startup_events(running: Running, observe: Observe) -> None:
    running.child.wait_for_event("vote_processed", within=STARTS_SECONDS)
    expected = ["consumer_starting", "consumer_group_created", "messages_received", "processing_vote", "vote_processed"]
    seen = running.child.event_names()
    observe("first events", expected=expected, observed=[e for e in seen if e in expected][:5], evidence=running.child.output(),
            remedy="system/logs.py has the list of names")  # fmt: skip


@then("every line of its log is a JSON object")
def log_is_json(running: Running, observe: Observe) -> None:
    lines = running.child.output().splitlines()
    observe("lines of the log", expected="some", observed=len(lines), holds=bool(lines))
    observe("lines that are JSON objects", expected=len(lines), observed=len(running.child.events()), evidence=running.child.output())


@then(parsers.re(r"it has tried (?P<tries>\d) times, says (?P<event>\w+) and stays alive"))
def keeps_trying(running: Running, tries: str, event: str, observe: Observe) -> None:
    tried = wait_for_attempts(running.child, event, int(tries))
    with observe.together():
        observe(
            f"attempts in {event}", expected=f"at least {tries}", observed=tried.value, holds=tried.held, evidence=running.child.output()
        )
        observe("the process", expected="alive", observed="alive" if running.child.alive else f"ended with {running.child.exit_code}")


@then("SIGTERM ends it in order with exit code 0 within 5 seconds")
def sigterm_ends(running: Running, observe: Observe) -> None:
    running.child.send(signal.SIGTERM)
    observe_end(running.child, observe)


@then(parsers.re(r"it says (?P<event>consumer_group_created|consumer_group_exists)$"))
def says(running: Running, event: str, observe: Observe) -> None:
    _observe_group(running, [event], observe)


@then(parsers.re(r"its log tells of (?P<count>\d+) duplicates"))
def tells_of_duplicates(running: Running, count: str, observe: Observe) -> None:
    def refused() -> int:
        return sum(int(event.get("count", 0)) for event in running.child.events() if event.get("event") == "duplicate_refused")

    told = eventually(refused, lambda number: number == int(count), within=SAYS_SECONDS)  # the log of a container comes a moment later
    observe("duplicates in the log", expected=int(count), observed=told.value, evidence=running.child.output())


@when("the group is destroyed once it has counted it")
def group_is_destroyed(own: OwnStream, stream: StreamProbe, observe: Observe) -> None:
    drained = own.wait_until_drained(stream)
    observe("the stream before that", expected="counted", observed=drained.value, holds=drained.held, evidence=drained.story)
    stream.destroy_group(own.name, own.group)


@then("it says that the group was lost, and made anew")
def says_that_it_was_lost(running: Running, observe: Observe) -> None:
    _observe_group(running, ["consumer_group_created", "consumer_group_lost", "consumer_group_created"], observe)


@given("a consumer has counted it and is gone")
def counted_and_gone(start_consumer: Callable[..., Running], own: OwnStream, stream: StreamProbe, observe: Observe) -> None:
    first = start_consumer(**own.env)
    drained = own.wait_until_drained(stream)
    first.child.stop()
    observe("the first consumer", expected="counted everything", observed=drained.value, holds=drained.held, evidence=drained.story)


@when("5 more votes are added and a consumer is started on it", target_fixture="running")
def more_votes(start_consumer: Callable[..., Running], own: OwnStream, stream: StreamProbe) -> Running:
    own.add(stream, 5)
    return start_consumer(**own.env)


@when("it is killed, Redis takes XACK again and it is started again", target_fixture="running")
def killed_and_started(start_consumer: Callable[..., Running], running: Running, stream: StreamProbe) -> Running:
    running.child.kill()
    stream.set_command("xack", allowed=True)
    return start_consumer(**running.env)


@then("after 4 failed tries nothing is acknowledged, and nothing is in the dead letters")
def nothing_acknowledged(running: Running, own: OwnStream, stream: StreamProbe, observe: Observe) -> None:
    tried = wait_for_attempts(running.child, "postgres_unavailable", 4)
    group, log = stream.group(own.name, own.group), running.child.output()
    kept = group.pending + (group.lag or 0) if group else 0
    with observe.together():
        observe("entries not acknowledged", expected=len(own.votes), observed=kept, evidence=log, remedy="XACK only after the commit")
        observe("failed tries", expected="at least 4", observed=tried.value, holds=tried.held, evidence=log, remedy="never give up")
        observe("dead letters", expected=0, observed=stream.length(own.name + protocol.DEAD_SUFFIX))


@when("a consumer is started on it and gets SIGTERM in its third batch", target_fixture="running")
def sigterm_in_batch(start_consumer: Callable[..., Running], own: OwnStream) -> Running:
    running = start_consumer(**own.env, BATCH_SIZE="100")
    running.child.wait_for_event("messages_received", within=STARTS_SECONDS, count=3)
    running.child.send(signal.SIGTERM)
    return running


@then("it ends in order with exit code 0 within 5 seconds, before the stream is done")
def ends_before_done(running: Running, own: OwnStream, stream: StreamProbe, observe: Observe) -> None:
    observe_end(running.child, observe)
    group = stream.group(own.name, own.group)
    left = (group.lag or 0) + group.pending if group else 0
    observe("entries that were left for the next consumer", expected="some, or the signal came too late", observed=left, holds=left > 0)


def _observe_group(running: Running, expected: list[str], observe: Observe) -> None:
    last = expected[-1]
    said = running.child.wait_for_event(last, within=STARTS_SECONDS, count=expected.count(last))
    group = [name for name in said.value if name.startswith("consumer_group")]
    observe("what it says of the group", expected=expected, observed=group, evidence=running.child.output())


def wait_for_attempts(child: Child, event: str, tries: int) -> Waited[int]:
    """Wait until a consumer says that it has tried so often; it does not write a line for each try."""

    def attempts() -> int:
        return max((int(e.get("attempt", 0)) for e in child.events() if e.get("event") == event), default=0)

    return eventually(attempts, lambda n: n >= tries, within=TRIES_SECONDS, never=lambda _: not child.alive)


def observe_end(child: Child, observe: Observe) -> None:
    """Record how a consumer ended after a signal."""
    ended = child.wait(within=protocol.SHUTDOWN_SECONDS)
    last = [name for name in child.event_names() if name in protocol.SHUTDOWN_EVENTS]
    with observe.together():
        observe("exit code", expected=0, observed=ended.value if ended.held else "still running after 5 s", evidence=child.output())
        observe("shutdown events", expected=list(protocol.SHUTDOWN_EVENTS), observed=last, evidence=child.output())
