"""GET /metrics: what this process has done, for Prometheus."""

import math

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from system.api.stream import UNAVAILABLE, VoteStream

LATENCY_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds; fine around 20 ms, the bound of the vote path's 99th percentile."""


class Metrics:
    """The figures of one application.

    They are kept by the process. With API_WORKERS above 1 a scrape is answered by one of the workers and sees that one's figures
    only; the stream's length is the same from all. Deployments therefore run one worker a pod and scrape each pod.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("api_requests", "Requests answered.", ("route", "status"), registry=self.registry)
        self.latency = Histogram(
            "api_request_seconds",
            "Time until the answer began.",
            ("route",),
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.accepted = Counter("api_votes_accepted", "Votes answered with 201.", ("option",), registry=self.registry)
        self.stream_length = Gauge("votes_stream_length", "Entries in the stream; NaN if unknown.", registry=self.registry)


def add_metrics(app: FastAPI, metrics: Metrics, stream: VoteStream) -> None:
    """Add the route."""

    @app.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def read_metrics() -> Response:
        """Read the figures of this process."""
        try:
            metrics.stream_length.set(await stream.length())
        except UNAVAILABLE:
            metrics.stream_length.set(math.nan)
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)
