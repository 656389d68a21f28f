"""GET /metrics: this process's metrics for Prometheus."""

import math

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from system.api.stream import UNAVAILABLE, VoteStream

LATENCY_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds, with fine steps around 20 ms, the limit for the vote path's 99th percentile."""


class Metrics:
    """The metrics of one application.

    Each process keeps its own. With API_WORKERS above 1, any one worker answers a scrape and reports only its own values; the stream
    length is the same for all. Deployments therefore run one worker per pod and scrape each pod.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("api_requests", "Requests served.", ("route", "status"), registry=self.registry)
        self.latency = Histogram(
            "api_request_seconds",
            "Time until the response started.",
            ("route",),
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.accepted = Counter("api_votes_accepted", "Votes answered with 201.", ("option",), registry=self.registry)
        self.stream_length = Gauge("votes_stream_length", "Entries in the stream; NaN if unknown.", registry=self.registry)


def add_metrics(app: FastAPI, metrics: Metrics, stream: VoteStream) -> None:
    """Add the route `/metrics`."""

    @app.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def read_metrics() -> Response:
        """Return the metrics of this process."""
        try:
            metrics.stream_length.set(await stream.length())
        except UNAVAILABLE:
            metrics.stream_length.set(math.nan)
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)
