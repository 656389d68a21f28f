"""Steps with parts whose log cannot be written, and with errors that must not show a password."""

from collections.abc import Callable

from pytest_bdd import parsers, then, when

from features.support.api import UNREACHABLE, probe_when_healthy
from features.support.consumers import Running
from features.support.logged import LOGGED_SECONDS, passwords
from features.support.streams import OwnStream
from validation.core import inputs, protocol
from validation.probes.running.http import HttpProbe
from validation.record.observe import Observe
from validation.targets.base import Api
from validation.targets.launching import LaunchingTarget

FULL = "the disk of its log is full"
READER_GONE = """
import os, sys
read, write = os.pipe()
os.dup2(write, 1)
os.dup2(write, 2)
os.close(read)
os.close(write)
os.execv(sys.executable, [sys.executable, "-m", sys.argv[1]])
"""
"""A program that becomes a part of the system whose output goes into a pipe that nobody reads."""
VOTES, ACCEPTED, REFUSED = 8, 201, 503
ASKED = {"Redis": "redis_unavailable", "the database": "postgres_unavailable"}
"""What an API logs when it cannot reach a server."""


@when(parsers.parse("an API is started without the database, and {state}"), target_fixture="own_api")
def api_without_log(state: str, target: LaunchingTarget, afterwards: Callable[..., None]) -> Api:
    """Start an API without a log. That of a container is a pipe, which no disk can fill: nobody reads it either."""
    api = target.new_api(UNREACHABLE["the database"])
    afterwards(api.process.stop)
    full = state == FULL and not api.process.in_container
    if not full:
        api.process.run_program(READER_GONE, "system.api")
    inputs.note(f"{api.process.name}: {state}")
    api.process.start()
    if full:
        probe_when_healthy(api)
        api.process.limit_file_size(0)
    return api


@when("a consumer is started on it whose log nobody reads", target_fixture="running")
def consumer_without_reader(own: OwnStream, target: LaunchingTarget, afterwards: Callable[..., None]) -> Running:
    child = target.new_consumer(own.env)
    afterwards(child.stop)
    child.run_program(READER_GONE, "system.consumer")
    inputs.note(f"{child.name}: nobody reads its log")
    child.start()
    return Running(child, own.env)


@then("it accepts votes, answers 503 about results, and SIGTERM ends it with exit code 0")
def goes_on(own_api: Api, observe: Observe) -> None:
    probe, process = probe_when_healthy(own_api), own_api.process
    observe("/health", expected=True, observed=probe.answers("/health"), evidence=process.output(), remedy="system/output.py")
    length = len(process.output())
    statuses = [probe.vote(protocol.OPTIONS[0]).status for _ in range(VOTES)]
    results = probe.send("GET", "/api/results")
    written = len(process.output()) - length
    process.send(process.stop_signal)
    ended = process.wait(within=protocol.SHUTDOWN_SECONDS)
    with observe.together():
        observe("bytes that it could write into its log meanwhile", expected=0, observed=written)
        observe("statuses of votes", expected=[ACCEPTED] * VOTES, observed=statuses, remedy="system/output.py")
        observe("status of results", expected=REFUSED, observed=results.status, evidence=results, remedy="system/output.py")
        observe("exit code after SIGTERM", expected=0, observed=ended.value, timed=not ended.held)


@then(parsers.re(r"it answers 503 for want of (?P<part>Redis|the database), and no line of its log has a password"))
def no_password_of_api(own_api: Api, part: str, observe: Observe) -> None:
    probe, hidden = HttpProbe(own_api.url), passwords(UNREACHABLE[part])
    answer = probe.vote(protocol.OPTIONS[0]) if part == "Redis" else probe.send("GET", "/api/results")
    logged = own_api.process.wait_for_event(ASKED[part], within=LOGGED_SECONDS)
    lines = own_api.process.output().splitlines()
    with observe.together():
        observe(f"status without {part}", expected=REFUSED, observed=answer.status, evidence=answer)
        observe(f"{ASKED[part]} in its log", expected="some", observed=logged.value, holds=logged.held)
        observe("passwords that it was given", expected="some", observed=len(hidden), holds=bool(hidden))
        naming = [line for line in lines if any(password in line for password in hidden)]
        observe("lines of its log with a password", expected=[], observed=naming[:3], remedy="summary in system/errors.py")
