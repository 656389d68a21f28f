"""Steps that stop an API while clients are in the middle of a request or a response."""

import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass

from pytest_bdd import parsers, then, when

from features.support.api import probe_when_healthy
from features.support.parts import SERVERS, server
from features.support.pipelining import slow_reader, statuses_in
from validation.core import inputs, protocol
from validation.core.waiting import Waited, consistently
from validation.record.observe import Observe
from validation.targets.base import Api
from validation.targets.launching import LaunchingTarget

VOTE = b"POST /api/vote HTTP/1.1\r\nHost: votecheck\r\nContent-Type: application/json\r\n"
BODY = b'{"option": "cats"}'
PAGE, RESULTS = b"GET / HTTP/1.1\r\nHost: votecheck\r\n\r\n", b"GET /api/results HTTP/1.1\r\nHost: votecheck\r\n\r\n"
UNREAD = "a client that does not read"
LIVE = "live results"
CLIENTS = {
    "half a header": VOTE + b"X-Half: a",
    "half a body": VOTE + b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY[:5]),
    LIVE: b"GET /api/results/stream HTTP/1.1\r\nHost: votecheck\r\n\r\n",
    UNREAD: PAGE * 400,
    "a vote for a frozen Redis": VOTE + b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY),
    "results of a frozen database": RESULTS,
}
"""What each client sends before the API is stopped. Together the responses to the one that does not read exceed the kernel's buffers."""
VOTES = ("half a body", "a vote for a frozen Redis")
"""Those whose request reaches the application."""
FROZEN = {"a vote for a frozen Redis": "Redis", "results of a frozen database": "the database"}
OK = 200
FIRST_SECONDS, STARTED_SECONDS, WAITS_SECONDS, KILLED_SECONDS = 10.0, 10.0, 0.3, 20.0


@dataclass
class Stopped:
    """An API that got SIGTERM, how it ended, and the status that each client read, `none` without a response."""

    api: Api
    ended: Waited[int | None]
    statuses: dict[str, str]
    expected: dict[str, str]


@when(parsers.re(r"an API with (?P<workers>\d+) workers? gets SIGTERM in the middle of"), target_fixture="stopped")
def sigterm_in_the_middle(
    workers: str, datatable: list[list[str]], target: LaunchingTarget, start_api: Callable[..., Api], afterwards: Callable[..., None]
) -> Stopped:
    target.redis.require_managed()
    target.database.require_managed()
    expected = dict(datatable[1:])
    api = start_api(API_WORKERS=workers)
    probe_when_healthy(api)
    api.process.wait_for_event("api_started", within=STARTED_SECONDS, count=int(workers))
    connections = {}
    for kind in expected:
        if kind in FROZEN:
            frozen = server(target, FROZEN[kind])
            afterwards(frozen.restore)
            frozen.pause()
        inputs.note(f"a connection to the API: {kind}")
        connections[kind] = slow_reader(api.url, FIRST_SECONDS)
        afterwards(connections[kind].close)
        connections[kind].sendall(CLIENTS[kind])
    begun = {LIVE: connections[LIVE].recv(4096)} if LIVE in expected else {}
    consistently(lambda: None, lambda _: True, during=WAITS_SECONDS)
    api.process.send(signal.SIGTERM)
    ended = api.process.wait(within=KILLED_SECONDS)
    statuses = {
        kind: "unread" if kind == UNREAD else statuses_in(begun.get(kind, b"") + _rest(connection))
        for kind, connection in connections.items()
    }
    return Stopped(api, ended, statuses, expected)


@when("an API that is connected to Redis and the database gets SIGTERM after both froze", target_fixture="stopped")
def sigterm_while_frozen(
    target: LaunchingTarget, start_api: Callable[..., Api], afterwards: Callable[..., None], observe: Observe
) -> Stopped:
    api = start_api()
    ready = probe_when_healthy(api).send("GET", "/ready")
    observe("/ready before, which opens a connection to each server", expected=OK, observed=ready.status, evidence=ready)
    for part in SERVERS:
        afterwards(server(target, part).restore)
        server(target, part).pause()
    api.process.send(signal.SIGTERM)
    return Stopped(api, api.process.wait(within=KILLED_SECONDS), {}, {})


@then("it exits with code 0 within 5 seconds, and logs that it stopped")
def exits_in_time(stopped: Stopped, observe: Observe) -> None:
    log, names = stopped.api.process.output(), stopped.api.process.event_names()
    ended = stopped.ended
    with observe.together():
        observe("exit code after SIGTERM", expected=0, observed=ended.value, evidence=log, timed=not ended.held)
        observe(
            "seconds from SIGTERM to the exit",
            expected=f"at most {protocol.SHUTDOWN_SECONDS:.0f}",
            observed=round(ended.seconds, 1),
            holds=ended.held and ended.seconds <= protocol.SHUTDOWN_SECONDS,
            evidence=log,
            remedy="STOP_WITHIN_SECONDS in system/api/__main__.py",
            timed=True,
        )
        workers = names.count("api_started")
        observe("processes that logged api_stopped", expected=workers, observed=names.count("api_stopped"), evidence=log)


@then("each client has its response, or the end of its connection")
def each_has_its_end(stopped: Stopped, observe: Observe) -> None:
    with observe.together():
        for kind, expected in stopped.expected.items():
            observe(f"status for {kind}", expected=expected, observed=stopped.statuses[kind], evidence=stopped.api.process.output())
        votes = [stopped.expected[kind] for kind in VOTES if kind in stopped.expected]
        lines = [event for event in stopped.api.process.events() if event.get("event") == "request" and event.get("route") == "/api/vote"]
        observe("statuses of votes in the log", expected=votes, observed=[str(line.get("status")) for line in lines],
                remedy="system/api/request_log.py")  # fmt: skip


def _rest(connection: socket.socket) -> bytes:
    """Read what is left; the end of the process has ended the connection."""
    read = b""
    try:
        while data := connection.recv(65536):
            read += data
    except ConnectionError:
        return read
    return read
