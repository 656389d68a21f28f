"""A collector of traces: a server that takes OTLP over HTTP, as an OpenTelemetry collector does, and keeps what it got."""

import threading
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SentSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

PATH = "/v1/traces"


@dataclass(frozen=True, slots=True)
class Span:
    """One span.

    Attributes:
        trace, own, parent: ids as `traceparent` writes them; the parent is empty for the first span of a trace.
        service, version: who sent it.
        kind: SERVER, CONSUMER and so on.
        attributes: each attribute as text.
        failed: whether its status is an error.
        seconds: its duration.
    """

    trace: str
    own: str
    parent: str
    service: str
    version: str
    name: str
    kind: str
    attributes: dict[str, str]
    failed: bool
    seconds: float


class Collector:
    """Listens on a port of its own until it is closed.

    Args:
        host: the address to listen on.
        silent: accept connections and requests, and never answer.

    Attributes:
        bodies: the requests that arrived, as they were sent.
        requests: the method and the path of each.
    """

    def __init__(self, host: str, *, silent: bool = False) -> None:
        self.bodies: list[bytes] = []
        self.requests: list[str] = []
        self._closed = threading.Event()
        self._server = ThreadingHTTPServer((host, 0), self._handler(silent=silent))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        """The base URL, as OTEL_EXPORTER_OTLP_ENDPOINT takes it."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def spans(self) -> list[Span]:
        """Return the spans that arrived."""
        return [span for body in list(self.bodies) for span in _decoded(body)]

    def close(self) -> None:
        """Stop listening, and let go of clients that wait."""
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self, *, silent: bool) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            """Takes one request after the other on a connection."""

            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:  # the name is http.server's
                with suppress(OSError):  # the client is gone
                    body = self.rfile.read(int(self.headers.get("content-length", "0")))
                    collector.requests.append(f"{self.command} {self.path}")
                    if silent:
                        collector._closed.wait()
                        return
                    collector.bodies.append(body)
                    self.send_response(200)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Write no log."""

        return Handler


def _decoded(body: bytes) -> list[Span]:
    found = []
    for group in ExportTraceServiceRequest.FromString(body).resource_spans:
        told = _attributes(group.resource.attributes)
        service, version = told.get("service.name", ""), told.get("service.version", "")
        for scope in group.scope_spans:
            found += [_span(span, service, version) for span in scope.spans]
    return found


def _span(span: Any, service: str, version: str) -> Span:
    kind = SentSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_")
    seconds = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
    failed = span.status.code == Status.STATUS_CODE_ERROR
    ids = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
    return Span(*ids, service, version, span.name, kind, _attributes(span.attributes), failed, seconds)


def _attributes(pairs: Any) -> dict[str, str]:
    return {pair.key: str(getattr(pair.value, pair.value.WhichOneof("value") or "string_value")) for pair in pairs}
