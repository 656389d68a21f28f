"""Steps about clients that are too slow on purpose."""

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

from validation.core.waiting import eventually
from validation.faults.reconciliation import SentVotes
from validation.probes.running.http import HttpProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget

WATCHED_SECONDS = 35.0
"""Longer than the feature's limit, which is generous: on a busy machine it takes seconds until an answer that nobody reads is stuck."""
DRIP_SECONDS = 1.0
ENOUGH_VOTES, CREATED = 20, 201
HEAD = b"POST /api/vote HTTP/1.1\r\nHost: votecheck\r\nContent-Type: application/json\r\n"
GET = b"GET /api/results HTTP/1.1\r\nHost: votecheck\r\n\r\n"
NEVER_READS = "do not read"
KINDS: dict[str, tuple[bytes, bytes]] = {
    "connect and say nothing": (b"", b""),
    "drip a header": (HEAD + b"X-Slow: ", b"a"),
    "drip a body": (HEAD + b"Content-Length: 5000\r\n\r\n", b" "),
    "vote and stay": (b"GET /health HTTP/1.1\r\nHost: votecheck\r\n\r\n", b""),
    NEVER_READS: (GET * 400, GET),
}
"""What each kind sends at once, and then again and again. Whoever does not read sends whole requests and no byte beside them: a server
that hangs up on what is no HTTP has not shown that it minds unread answers. Their answers are more than the kernel holds."""


@dataclass
class Slow:
    """Slow clients and how long each was borne: seconds by kind."""

    url: str
    count: int
    borne: dict[str, list[float]] = field(default_factory=dict)

    def watch(self) -> None:
        """Connect them all, go on dripping, and note when each is dropped."""
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
            self._drip(clients, watched)
            for client in clients:
                client.close()

    def _drip(self, clients: dict[socket.socket, tuple[str, float]], watched: selectors.BaseSelector) -> None:
        begun = next_drip = time.monotonic()
        while clients and time.monotonic() - begun < WATCHED_SECONDS:
            readable = [client for key, _ in watched.select(0.1) if isinstance(client := key.fileobj, socket.socket)]
            ended = [client for client in readable if _is_at_its_end(client)]
            if time.monotonic() >= next_drip:
                next_drip += DRIP_SECONDS
                ended += [client for client, (kind, _) in clients.items() if not _sent(client, KINDS[kind][1]) and kind == NEVER_READS]
            for client in ended:
                kind, since = clients.pop(client)
                self.borne.setdefault(kind, []).append(time.monotonic() - since)
                if kind != NEVER_READS:
                    watched.unregister(client)
                client.close()


@pytest.fixture
def crowd() -> Iterator[ThreadPoolExecutor]:
    """Watches the slow clients beside the steps."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


@given(
    parsers.re(r"(?P<count>\d+) clients each that connect and say nothing, drip a header, drip a body, vote and stay, and do not read"),
    target_fixture="slow",
)
def slow_clients(target: LaunchingTarget, count: str, crowd: ThreadPoolExecutor) -> tuple[Slow, "Future[None]"]:
    target.redis.require_managed()  # hundreds of slow clients are an attack on an API that somebody else runs
    slow = Slow(target.api.url, int(count))
    return slow, crowd.submit(slow.watch)


@when("voters vote for as long as the slow clients are there", target_fixture="statuses")
def voters_vote_meanwhile(slow: tuple[Slow, "Future[None]"], http: HttpProbe, sent_votes: SentVotes) -> Counter[int]:
    statuses: Counter[int] = Counter()

    def vote() -> bool:
        key = sent_votes.key()
        answer = http.vote("dogs", key)
        sent_votes.record(key, "dogs", answer.status, str((answer.json() or {}).get("vote_id", "")))
        statuses[answer.status] += 1
        return slow[1].done()

    eventually(vote, bool, within=WATCHED_SECONDS + 5)
    slow[1].result()
    return statuses


@then(parsers.re(r"every slow client is dropped within (?P<limit>\d+) seconds"))
def dropped(slow: tuple[Slow, "Future[None]"], limit: str, measure: Callable[[str, float, str], None], observe: Observe) -> None:
    clients = slow[0]
    with observe.together():
        for kind in KINDS:
            borne = clients.borne.get(kind, [])
            longest = max(borne, default=0.0)
            observe(
                f"clients that {kind}",
                expected=f"{clients.count} dropped, each within {limit} s",
                observed=f"{len(borne)} dropped, the last after {longest:.1f} s",
                holds=len(borne) == clients.count and longest <= float(limit),
                remedy="system/api/connections.py",
            )
            measure(f"clients that {kind}, borne for", longest, "s")


@then("every vote cast meanwhile is accepted")
def accepted_meanwhile(statuses: Counter[int], observe: Observe) -> None:
    enough = statuses.total() >= ENOUGH_VOTES and set(statuses) == {CREATED}
    observe("answers to votes", expected=f"at least {ENOUGH_VOTES}, all {CREATED}", observed=dict(statuses), holds=enough)


def _connected(url: str) -> socket.socket:
    """Connect with little room for answers. Room that is taken away later is one the server was promised: then TCP itself stalls."""
    address = urlsplit(url)
    family, kind, protocol, _, where = socket.getaddrinfo(address.hostname, address.port or 80, type=socket.SOCK_STREAM)[0]
    client = socket.socket(family, kind, protocol)
    client.settimeout(WATCHED_SECONDS)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(where)
    return client


def _sent(client: socket.socket, data: bytes) -> bool:
    """Send on; a client that does not read has no other way to learn that it was dropped."""
    try:
        client.send(data)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True


def _is_at_its_end(client: socket.socket) -> bool:
    """Read what there is, and tell whether the server is done with a client."""
    try:
        while client.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
