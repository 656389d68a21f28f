"""Steps with a client that sends on and on, and reads no response."""

import socket
import time
from dataclasses import dataclass

from pytest_bdd import parsers, then, when

from features.support.pipelining import slow_reader
from validation.core import inputs
from validation.core.waiting import eventually
from validation.probes.running.http import HttpProbe
from validation.probes.running.metrics import parsed
from validation.record.observe import Observe
from validation.targets.base import Api

GET = b"GET /api/results HTTP/1.1\r\nHost: votecheck\r\n\r\n"
COUNTER = 'api_requests_total{route="/api/results"'
WATCHED_SECONDS = 40.0
REMEDY = "system/api/one_write.py"


@dataclass(frozen=True, slots=True)
class Unread:
    """What became of the requests: how many were answered, and after how many seconds the client was dropped; None: it was not."""

    sent: int
    answered: int
    seconds: float | None
    served: str


@when(parsers.parse("a client asks it {count:d} times for the results, and reads no response"), target_fixture="unread")
def asks_on(own_api: Api, count: int) -> Unread:
    inputs.note(f"{count} times GET /api/results on one connection, which nobody reads")
    began = time.monotonic()
    with slow_reader(own_api.url, WATCHED_SECONDS) as client:
        dropped = _send(client, GET * count) or eventually(lambda: _send(client, GET), bool, within=WATCHED_SECONDS, every=1.0).held
        seconds = time.monotonic() - began if dropped else None
    served = HttpProbe(own_api.url).send("GET", "/metrics").body.decode()
    answered = sum(int(value) for name, value in parsed(served).items() if name.startswith(COUNTER))
    return Unread(count, answered, seconds, served)


@then(parsers.parse("it has answered at most {most:d} of these requests, and dropped the client within {seconds:d} seconds"))
def answered_few(unread: Unread, most: int, seconds: int, observe: Observe) -> None:
    took = unread.seconds
    with observe.together():
        observe(f"answered requests of {unread.sent} whose responses nobody reads", expected=f"1 to {most}", observed=unread.answered,
                holds=1 <= unread.answered <= most, evidence=unread.served, remedy=REMEDY)  # fmt: skip
        observe("seconds until the client was dropped", expected=f"at most {seconds}", observed=took and round(took, 1),
                holds=took is not None and took <= seconds, timed=took is not None, remedy="system/api/connections.py")  # fmt: skip


def _send(client: socket.socket, data: bytes) -> bool:
    """Send, for as long as the server takes it, and return whether the connection has ended."""
    try:
        client.sendall(data)
    except TimeoutError:
        return False
    except OSError:
        return True
    return False
