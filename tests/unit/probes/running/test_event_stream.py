"""Events are read as they arrive, and the end of a stream is seen."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from validation.core.waiting import eventually
from validation.probes.running.event_stream import EventStream, ServerEvent

EVENTS = b'id: 1-0\r\ndata: {"total": 1}\r\n\r\n: ping\r\n\r\nid: 1-1\r\ndata: {"total": 2}\r\n\r\ndata: no JSON\r\n\r\n'


class _Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/stream" else 503)
        self.end_headers()
        self.wfile.write(EVENTS if self.path == "/stream" else b"{}")

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("path", "status", "events"), [("/stream", 200, [ServerEvent("1-0", {"total": 1}), ServerEvent("1-1", {"total": 2})]), ("/", 503, [])]
)
def test_the_events_of_a_stream_until_its_end(url: str, path: str, status: int, events: list[ServerEvent]) -> None:
    stream = EventStream(url + path)
    stream.start()
    assert eventually(lambda: stream.ended, bool, within=10).held
    stream.close()
    assert (stream.status, stream.events) == (status, events)


def test_a_server_that_is_not_there_ends_the_stream_without_a_status() -> None:
    stream = EventStream("http://127.0.0.1:1/stream")
    stream.start()
    assert eventually(lambda: stream.ended, bool, within=10).held
    assert (stream.status, stream.events) == (0, [])
