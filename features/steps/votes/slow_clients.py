"""Steps with clients that are slow on purpose."""

import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from pytest_bdd import given, parsers, then, when

from features.support.parts import record_vote
from features.support.pipelining import slow_reader, statuses_in
from validation.core import inputs
from validation.core.waiting import eventually
from validation.faults.reconciliation import SentVotes
from validation.probes.running.http import HttpProbe
from validation.probes.running.pipelined import Responses
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget

WATCHED_SECONDS = 35.0
"""Longer than the feature's limit, which is generous: on a busy machine it takes seconds until an unread response blocks the server."""
SEND_SECONDS = 1.0
ENOUGH_VOTES, CREATED = 20, 201
HEAD = b"POST /api/vote HTTP/1.1\r\nHost: votecheck\r\nContent-Type: application/json\r\n"
GET = b"GET /api/results HTTP/1.1\r\nHost: votecheck\r\n\r\n"
NEVER_READS = "never reading"
HEALTH = b"GET /health HTTP/1.1\r\nHost: votecheck\r\n\r\n"
FORM = b"POST / HTTP/1.1\r\nHost: votecheck\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n\r\noption=cats"
SLOW_HEADER, SLOW_BODY = (HEAD + b"X-Slow: ", b"a"), (HEAD + b"Content-Length: 5000\r\n\r\n", b" ")
KINDS: dict[str, tuple[bytes, bytes]] = {
    "silent": (b"", b""),
    "slow header": SLOW_HEADER,
    "slow body": SLOW_BODY,
    "slow body of a form": (FORM, b"a"),
    "slow header after a response": SLOW_HEADER,
    "slow body after a response": SLOW_BODY,
    "half a header behind a request": (HEALTH + SLOW_HEADER[0], b""),
    "empty lines after a response": (b"\r\n", b"\r\n"),
    NEVER_READS: (GET * 400, GET),
}
"""What each kind sends at first, and then over and over. Clients that never read send only complete requests: a server that drops
malformed HTTP has not shown that it drops clients with unread responses. Those responses exceed the kernel's buffers."""
AFTER_A_RESPONSE = "after a response"
"""Kinds with these words have had a response on their connection before."""
SLACK_SECONDS = 1.0


@dataclass
class Dropped:
    """What one client saw: the seconds until the server dropped it, and the statuses of the responses that it read meanwhile."""

    seconds: float
    statuses: str


@dataclass
class SlowClients:
    """Slow clients, and how the server dropped each of them.

    Attributes:
        count: clients of each kind.
        responses: the statuses that a client of each kind should read before it is dropped.
        dropped: those that were dropped, by kind.
    """

    url: str
    count: int
    responses: dict[str, str]
    dropped: dict[str, list[Dropped]] = field(default_factory=dict)

    def watch(self) -> None:
        """Connect them all, keep sending, and record when each is dropped."""
        with selectors.DefaultSelector() as watched:
            clients: dict[socket.socket, _Client] = {}
            for kind in self.responses:
                for _ in range(self.count):
                    connection = slow_reader(self.url, WATCHED_SECONDS)
                    if AFTER_A_RESPONSE in kind:
                        connection.sendall(HEALTH)
                        Responses(connection).begin("GET").read()
                    connection.sendall(KINDS[kind][0])
                    connection.setblocking(False)
                    clients[connection] = _Client(kind, time.monotonic())
                    if kind != NEVER_READS:
                        watched.register(connection, selectors.EVENT_READ)
            self._keep_sending(clients, watched)
            for connection in clients:
                connection.close()

    def _keep_sending(self, clients: "dict[socket.socket, _Client]", watched: selectors.BaseSelector) -> None:
        begun = next_send = time.monotonic()
        while clients and time.monotonic() - begun < WATCHED_SECONDS:
            readable = [connection for key, _ in watched.select(0.1) if isinstance(connection := key.fileobj, socket.socket)]
            ended = [connection for connection in readable if _is_closed(connection, clients[connection].read)]
            if time.monotonic() >= next_send:
                next_send += SEND_SECONDS
                for connection, client in clients.items():
                    if not _sent(connection, KINDS[client.kind][1]) and client.kind == NEVER_READS:
                        ended.append(connection)
            for connection in ended:
                client = clients.pop(connection)
                self.dropped.setdefault(client.kind, []).append(Dropped(time.monotonic() - client.since, statuses_in(client.read)))
                if client.kind != NEVER_READS:
                    watched.unregister(connection)
                connection.close()


@dataclass
class _Client:
    kind: str
    since: float
    read: bytearray = field(default_factory=bytearray)


@pytest.fixture
def slow_client_thread() -> Iterator[ThreadPoolExecutor]:
    """The thread that keeps the slow clients going beside the steps."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


@given(parsers.parse("{count:d} clients of each kind"), target_fixture="slow")
def slow_clients(
    target: LaunchingTarget, count: int, datatable: list[list[str]], slow_client_thread: ThreadPoolExecutor
) -> tuple[SlowClients, "Future[None]"]:
    target.redis.require_managed()  # hundreds of slow clients are an attack on an external API
    slow = SlowClients(target.api.url, count, dict(datatable[1:]))
    inputs.note(f"{count} clients of each kind: {', '.join(slow.responses)}")
    return slow, slow_client_thread.submit(slow.watch)


@when("voters vote for as long as the slow clients are connected", target_fixture="statuses")
def voters_vote_meanwhile(slow: tuple[SlowClients, "Future[None]"], http: HttpProbe, sent_votes: SentVotes) -> Counter[int]:
    statuses: Counter[int] = Counter()

    def vote() -> bool:
        key = sent_votes.key()
        answer = http.vote("dogs", key)
        record_vote(sent_votes, key, "dogs", answer)
        statuses[answer.status] += 1
        return slow[1].done()

    eventually(vote, bool, within=WATCHED_SECONDS + 5)
    slow[1].result()
    return statuses


@then(parsers.re(r"every slow client is dropped within (?P<limit>\d+) seconds"))
def dropped(slow: tuple[SlowClients, "Future[None]"], limit: str, measure: Callable[[str, float, str], None], observe: Observe) -> None:
    clients = slow[0]
    with observe.together():
        for kind in clients.responses:
            seconds = [one.seconds for one in clients.dropped.get(kind, [])]
            longest = max(seconds, default=0.0)
            observe(
                f"slow clients, {kind}",
                expected=f"{clients.count} dropped, each within {limit} s",
                observed=f"{len(seconds)} dropped, the last after {longest:.1f} s",
                holds=len(seconds) == clients.count and longest <= float(limit),
                remedy="system/api/connections.py",
                timed=len(seconds) == clients.count,
            )
            measure(f"slow clients, {kind}: longest connection", longest, "s")


@then(parsers.parse("each that reads is dropped within {limit:d} seconds, after the responses of its kind"))
def dropped_with(slow: tuple[SlowClients, "Future[None]"], limit: int, observe: Observe) -> None:
    clients = slow[0]
    with observe.together():
        for kind, responses in clients.responses.items():
            seen = clients.dropped.get(kind, [])
            longest = max((one.seconds for one in seen), default=0.0)
            if kind != NEVER_READS:
                observe(f"responses to slow clients, {kind}", expected={responses: clients.count},
                        observed=dict(Counter(one.statuses for one in seen)), remedy="system/api/connections.py")  # fmt: skip
                observe(
                    f"seconds until the last client was dropped, {kind}",
                    expected=f"at most {limit}",
                    observed=round(longest, 1),
                    holds=bool(seen) and longest <= limit + SLACK_SECONDS,
                    evidence="plus a second for the connections and a busy machine",
                    remedy="system/api/connections.py",
                    timed=bool(seen),
                )


@then("every vote cast meanwhile is accepted")
def accepted_meanwhile(statuses: Counter[int], observe: Observe) -> None:
    enough = statuses.total() >= ENOUGH_VOTES and set(statuses) == {CREATED}
    observe("responses to votes", expected=f"at least {ENOUGH_VOTES}, all {CREATED}", observed=dict(statuses), holds=enough)


def _sent(client: socket.socket, data: bytes) -> bool:
    """Send, and return whether the connection still exists; a client that never reads has no other way to notice."""
    try:
        client.send(data)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True


def _is_closed(connection: socket.socket, read: bytearray) -> bool:
    """Read what is there, and return whether the server closed the connection."""
    try:
        while data := connection.recv(65536):
            read += data
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
