"""Steps that start consumers, take their dependencies away, and stop them."""

import signal
from collections.abc import Callable

from pytest_bdd import given, parsers, then, when

from features.support.api import UNREACHABLE
from features.support.consumers import STARTS_SECONDS, Running, observe_shutdown, wait_for_attempts
from features.support.streams import OwnStream
from validation.core.waiting import eventually
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe

LOGGED_SECONDS = 3.0
"""The log of a container arrives a moment later."""


@when("a consumer is started on it", target_fixture="running")
@when("another consumer is started on it", target_fixture="running")
def consumer_on_it(start_consumer: Callable[..., Running], own: OwnStream) -> Running:
    return start_consumer(**own.env)


@when("a consumer is started on it that reads 2 at a time and leaves entries to others for 30 seconds", target_fixture="running")
def cautious_consumer(start_consumer: Callable[..., Running], own: OwnStream) -> Running:
    return start_consumer(**own.env | {"BATCH_SIZE": "2", "CLAIM_IDLE_MS": "30000"})


@when("a consumer is started on it that waits a minute for new entries", target_fixture="running")
def patient_consumer(start_consumer: Callable[..., Running], own: OwnStream) -> Running:
    return start_consumer(**own.env | {"BLOCK_MS": "60000"})


@when(parsers.re("a consumer is started on it without (?P<part>Redis|the database)"), target_fixture="running")
def consumer_without(start_consumer: Callable[..., Running], own: OwnStream, part: str) -> Running:
    return start_consumer(**own.env, **UNREACHABLE[part])


@then("its startup events are in order")
def startup_events(running: Running, observe: Observe) -> None:
    running.child.wait_for_event("vote_processed", within=STARTS_SECONDS)
    expected = ["consumer_starting", "consumer_group_created", "messages_received", "processing_vote", "vote_processed"]
    seen = running.child.event_names()
    observe("first events", expected=expected, observed=[e for e in seen if e in expected][:5], evidence=running.child.output(),
            remedy="system/logs.py lists the names")  # fmt: skip


@then("every line of its log is a JSON object")
def log_is_json(running: Running, observe: Observe) -> None:
    lines = running.child.output().splitlines()
    observe("lines of the log", expected="some", observed=len(lines), holds=bool(lines))
    observe("lines that are JSON objects", expected=len(lines), observed=len(running.child.events()), evidence=running.child.output())


@then(parsers.re(r"it has made (?P<attempts>\d) attempts, logs (?P<event>\w+) and stays alive"))
def keeps_retrying(running: Running, attempts: str, event: str, observe: Observe) -> None:
    made = wait_for_attempts(running.child, event, int(attempts))
    with observe.together():
        observe(
            f"attempts in {event}", expected=f"at least {attempts}", observed=made.value, holds=made.held, evidence=running.child.output()
        )
        observe("the process", expected="alive", observed="alive" if running.child.alive else f"exited with {running.child.exit_code}")


@then("it shuts down on SIGTERM with exit code 0 within 5 seconds")
def shuts_down(running: Running, observe: Observe) -> None:
    running.child.send(signal.SIGTERM)
    observe_shutdown(running.child, observe)


@then(parsers.re(r"it logs (?P<event>consumer_group_created|consumer_group_exists)$"))
def logs_group(running: Running, event: str, observe: Observe) -> None:
    _observe_group(running, [event], observe)


@then(parsers.re(r"it logs (?P<count>\d+) duplicates"))
def logs_duplicates(running: Running, count: str, observe: Observe) -> None:
    def logged() -> int:
        return sum(int(event.get("count", 0)) for event in running.child.events() if event.get("event") == "duplicate_refused")

    duplicates = eventually(logged, lambda number: number == int(count), within=LOGGED_SECONDS)
    observe("duplicates in the log", expected=int(count), observed=duplicates.value, evidence=running.child.output())


@when("the group is destroyed after it has counted every vote, and 5 votes arrive before there is another")
def group_is_destroyed(own: OwnStream, stream: StreamProbe, observe: Observe) -> None:
    drained = own.wait_until_drained(stream)
    observe(
        "the stream before the group is destroyed", expected="drained", observed=drained.value, holds=drained.held, evidence=drained.story
    )
    existed = own.destroy_group(stream, 5)
    observe("the group that was destroyed", expected="existed", observed="existed" if existed else "did not exist")


@then("it logs that the group was lost and created again")
def logs_lost_group(running: Running, observe: Observe) -> None:
    _observe_group(running, ["consumer_group_created", "consumer_group_lost", "consumer_group_created"], observe)


@given("a consumer that counted them and stopped")
def counted_and_stopped(start_consumer: Callable[..., Running], own: OwnStream, stream: StreamProbe, observe: Observe) -> None:
    first = start_consumer(**own.env)
    drained = own.wait_until_drained(stream)
    first.child.stop()
    observe("the stream after the first consumer", expected="drained", observed=drained.value, holds=drained.held, evidence=drained.story)


@when("5 more votes are added and a consumer is started on it", target_fixture="running")
def more_votes(start_consumer: Callable[..., Running], own: OwnStream, stream: StreamProbe) -> Running:
    own.add(stream, 5)
    return start_consumer(**own.env)


@when("the disk of its log fills up before 20 more votes are added")
def log_disk_fills_up(running: Running, own: OwnStream, stream: StreamProbe, observe: Observe) -> None:
    drained = own.wait_until_drained(stream)
    observe("the stream before", expected="drained", observed=drained.value, holds=drained.held, evidence=drained.story)
    running.child.limit_file_size(0)
    own.add(stream, 20)


@then("the consumer is still running")
def still_running(running: Running, observe: Observe) -> None:
    seen = "alive" if running.child.alive else f"exited with {running.child.exit_code}"
    observe(
        "the process",
        expected="alive",
        observed=seen,
        evidence=running.child.output(),
        remedy="system/output.py drops what cannot be written",
    )


@when("it is killed, Redis accepts XACK again and it is restarted", target_fixture="running")
def killed_and_restarted(start_consumer: Callable[..., Running], running: Running, stream: StreamProbe) -> Running:
    running.child.kill()
    stream.set_command("xack", allowed=True)
    return start_consumer(**running.env)


@then("after 4 failed attempts nothing is acknowledged, and the dead-letter stream is empty")
def nothing_acknowledged(running: Running, own: OwnStream, stream: StreamProbe, observe: Observe) -> None:
    attempts, log = wait_for_attempts(running.child, "postgres_unavailable", 4), running.child.output()
    with observe.together():
        observe("entries not acknowledged", expected=len(own.votes), observed=own.unacknowledged(stream), evidence=log,
                remedy="acknowledge only after the commit")  # fmt: skip
        observe(
            "failed attempts", expected="at least 4", observed=attempts.value, holds=attempts.held, evidence=log, remedy="never give up"
        )
        observe("entries in the dead-letter stream", expected=0, observed=stream.length(own.dead_letters))


@when("a consumer is started on it and gets SIGTERM in its third batch", target_fixture="running")
def sigterm_in_batch(start_consumer: Callable[..., Running], own: OwnStream) -> Running:
    running = start_consumer(**own.env, BATCH_SIZE="100")
    running.child.wait_for_event("messages_received", within=STARTS_SECONDS, count=3)
    running.child.send(signal.SIGTERM)
    return running


@then("it shuts down with exit code 0 within 5 seconds and leaves entries in the stream")
def shuts_down_early(running: Running, own: OwnStream, stream: StreamProbe, observe: Observe) -> None:
    observe_shutdown(running.child, observe)
    left = own.unacknowledged(stream)
    observe("entries left for the next consumer", expected="some (none if the signal came too late)", observed=left, holds=left > 0)


def _observe_group(running: Running, expected: list[str], observe: Observe) -> None:
    last = expected[-1]
    logged = running.child.wait_for_event(last, within=STARTS_SECONDS, count=expected.count(last))
    group = [name for name in logged.value if name.startswith("consumer_group")]
    observe("group events in the log", expected=expected, observed=group, evidence=running.child.output())
