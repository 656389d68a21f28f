"""Steps with clients that are slow on purpose."""

import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from pytest_bdd import given, parsers, then, when

from features.support.parts import record_vote
from validation.core.waiting import eventually
from validation.faults.reconciliation import SentVotes
from validation.probes.running.http import HttpProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget

WATCHED_SECONDS = 35.0
"""Longer than the feature's limit, which is generous: on a busy machine it takes seconds until an unread response blocks the server."""
SEND_SECONDS = 1.0
ENOUGH_VOTES, CREATED = 20, 201
HEAD = b"POST /api/vote HTTP/1.1\r\nHost: votecheck\r\nContent-Type: application/json\r\n"
GET = b"GET /api/results HTTP/1.1\r\nHost: votecheck\r\n\r\n"
NEVER_READS = "never reading"
KINDS: dict[str, tuple[bytes, bytes]] = {
    "silent": (b"", b""),
    "slow header": (HEAD + b"X-Slow: ", b"a"),
    "slow body": (HEAD + b"Content-Length: 5000\r\n\r\n", b" "),
    "idle after a response": (b"GET /health HTTP/1.1\r\nHost: votecheck\r\n\r\n", b""),
    NEVER_READS: (GET * 400, GET),
}
"""What each kind sends on connecting, and then over and over. Clients that never read send only complete requests: a server that drops
malformed HTTP has not shown that it drops clients with unread responses. Those responses exceed the kernel's buffers."""


@dataclass
class SlowClients:
    """Slow clients, and how long the server kept each of them.

    Attributes:
        count: clients of each kind.
        dropped_after: seconds from the connection until the server dropped it, by kind.
    """

    url: str
    count: int
    dropped_after: dict[str, list[float]] = field(default_factory=dict)

    def watch(self) -> None:
        """Connect them all, keep sending, and record when each is dropped."""
        with selectors.DefaultSelector() as watched:
            clients: dict[socket.socket, tuple[str, float]] = {}
            for kind, (first, _) in KINDS.items():
                for _ in range(self.count):
                    client = _connected(self.url)
                    client.sendall(first)
                    client.setblocking(False)
                    clients[client] = kind, time.monotonic()
                    if kind != NEVER_READS:
                        watched.register(client, selectors.EVENT_READ)
            self._keep_sending(clients, watched)
            for client in clients:
                client.close()

    def _keep_sending(self, clients: dict[socket.socket, tuple[str, float]], watched: selectors.BaseSelector) -> None:
        begun = next_send = time.monotonic()
        while clients and time.monotonic() - begun < WATCHED_SECONDS:
            readable = [client for key, _ in watched.select(0.1) if isinstance(client := key.fileobj, socket.socket)]
            ended = [client for client in readable if _is_closed(client)]
            if time.monotonic() >= next_send:
                next_send += SEND_SECONDS
                ended += [client for client, (kind, _) in clients.items() if not _sent(client, KINDS[kind][1]) and kind == NEVER_READS]
            for client in ended:
                kind, since = clients.pop(client)
                self.dropped_after.setdefault(kind, []).append(time.monotonic() - since)
                if kind != NEVER_READS:
                    watched.unregister(client)
                client.close()


@pytest.fixture
def slow_client_thread() -> Iterator[ThreadPoolExecutor]:
    """The thread that keeps the slow clients going beside the steps."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


@given(
    parsers.re(r"(?P<count>\d+) clients of each kind: silent, slow header, slow body, idle after a response, never reading"),
    target_fixture="slow",
)
def slow_clients(target: LaunchingTarget, count: str, slow_client_thread: ThreadPoolExecutor) -> tuple[SlowClients, "Future[None]"]:
    target.redis.require_managed()  # hundreds of slow clients are an attack on an external API
    slow = SlowClients(target.api.url, int(count))
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
        for kind in KINDS:
            seconds = clients.dropped_after.get(kind, [])
            longest = max(seconds, default=0.0)
            observe(
                f"slow clients, {kind}",
                expected=f"{clients.count} dropped, each within {limit} s",
                observed=f"{len(seconds)} dropped, the last after {longest:.1f} s",
                holds=len(seconds) == clients.count and longest <= float(limit),
                remedy="system/api/connections.py",
            )
            measure(f"slow clients, {kind}: longest connection", longest, "s")


@then("every vote cast meanwhile is accepted")
def accepted_meanwhile(statuses: Counter[int], observe: Observe) -> None:
    enough = statuses.total() >= ENOUGH_VOTES and set(statuses) == {CREATED}
    observe("responses to votes", expected=f"at least {ENOUGH_VOTES}, all {CREATED}", observed=dict(statuses), holds=enough)


def _connected(url: str) -> socket.socket:
    """Connect with a small receive buffer. It must be set before: TCP stalls by itself if an announced window shrinks later."""
    address = urlsplit(url)
    family, kind, protocol, _, where = socket.getaddrinfo(address.hostname, address.port or 80, type=socket.SOCK_STREAM)[0]
    client = socket.socket(family, kind, protocol)
    client.settimeout(WATCHED_SECONDS)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(where)
    return client


def _sent(client: socket.socket, data: bytes) -> bool:
    """Send, and return whether the connection still exists; a client that never reads has no other way to notice."""
    try:
        client.send(data)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True


def _is_closed(client: socket.socket) -> bool:
    """Read what is there, and return whether the server closed the connection."""
    try:
        while client.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
