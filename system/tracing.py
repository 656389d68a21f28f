"""Traces for an OpenTelemetry collector. Imported only if one is configured: the libraries take 15 MB and 80 ms.

A vote never waits for a collector. Spans wait in a bounded queue, a thread sends them, and what does not fit or cannot be sent is dropped.
"""

import logging
import threading
import time

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import Span, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from system.settings import Settings

EXPORT_SECONDS = 2.0
"""Limit for sending one batch, repetitions included."""
CLOSE_SECONDS = 0.5
"""Limit for sending what is left at shutdown."""
QUEUE, BATCH, DELAY_MS = 2048, 512, 1000
COMPLAIN_SECONDS = 60.0
EXPORTER = "opentelemetry.exporter.otlp.proto.http.trace_exporter"

_w3c = TraceContextTextMapPropagator()


class Tracing:
    """The traces of one process."""

    def __init__(self, settings: Settings, service: str, version: str) -> None:
        named = Resource({"service.name": service, "service.version": version}).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(_sampler(settings), named, shutdown_on_exit=False, span_limits=SpanLimits(max_attributes=32))
        exporter = OTLPSpanExporter(settings.traces_url, timeout=EXPORT_SECONDS)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, QUEUE, DELAY_MS, BATCH))
        self.tracer = self._provider.get_tracer(service, version)
        logging.getLogger(EXPORTER).addFilter(_Seldom())

    def close(self) -> None:
        """Send what is left, for at most `CLOSE_SECONDS`."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)  # a daemon: the process must not wait for it either
        closing.start()
        closing.join(CLOSE_SECONDS)


def parent(traceparent: str) -> Context | None:
    """Return the context that a `traceparent` names, or None if it is not valid: W3C Trace Context demands to ignore it then."""
    found = _w3c.extract({"traceparent": traceparent}, Context())
    return found if get_current_span(found).get_span_context().is_valid else None


def traceparent(span: Span) -> str:
    """Return the `traceparent` that makes others children of a span, also if the span itself is not sampled."""
    carrier: dict[str, str] = {}
    _w3c.inject(carrier, set_span_in_context(span, Context()))
    return carrier.get("traceparent", "")


def _sampler(settings: Settings) -> Sampler:
    name = settings.otel_traces_sampler
    roots = {"always_on": ALWAYS_ON, "always_off": ALWAYS_OFF, "traceidratio": TraceIdRatioBased(settings.otel_traces_sampler_arg)}
    root = roots[name.removeprefix("parentbased_")]
    return ParentBased(root) if name.startswith("parentbased_") else root


class _Seldom(logging.Filter):
    """Lets one message in `COMPLAIN_SECONDS` pass: the exporter writes three for each batch that it cannot send."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0.0

    def filter(self, _record: logging.LogRecord) -> bool:
        """Return whether it is time for a message."""
        due = time.monotonic() >= self._next
        if due:
            self._next = time.monotonic() + COMPLAIN_SECONDS
        return due
