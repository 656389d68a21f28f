"""The consumer's Prometheus metrics."""

from socket import has_dualstack_ipv6

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from system.consumer.backlog import Backlog
from system.errors import SettingsInvalid

BATCH_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000)
SECONDS_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class Metrics:
    """The metrics of one consumer, in their own registry."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self.counted = Counter("votes_counted", "Votes counted", registry=registry)
        self.duplicates = Counter("votes_duplicate", "Deliveries of votes that were already counted", registry=registry)
        self.dead = Counter("votes_dead_lettered", "Entries moved to the dead-letter stream", registry=registry)
        self.aside = Gauge("vote_set_aside_entries", "Entries that Redis does not let into the dead-letter stream", registry=registry)
        self.claimed = Counter("votes_claimed", "Entries claimed from another consumer", registry=registry)
        self.lost = Counter("votes_lost", "Pending entries that no longer exist in the stream", registry=registry)
        self.batch = Histogram("vote_batch_entries", "Entries per batch", registry=registry, buckets=BATCH_BUCKETS)
        self.statement = Histogram(
            "vote_statement_seconds", "Time to count a batch in the database", registry=registry, buckets=SECONDS_BUCKETS
        )

        self._lag = Gauge("vote_lag_entries", "Entries not yet delivered to any consumer; NaN if unknown", registry=registry)
        self._pending = Gauge("vote_pending_entries", "Entries delivered but not acknowledged; NaN if unknown", registry=registry)
        self._oldest = Gauge("vote_oldest_seconds", "Age of the oldest uncounted vote; NaN if unknown", registry=registry)
        self.back_offs = Counter("vote_back_offs", "Turns that failed because a server was unavailable", ("server",), registry=registry)
        self.show(Backlog())

    def show(self, backlog: Backlog) -> None:
        """Publish the backlog. Every consumer in a group publishes the same values: aggregate with max, not sum."""
        self._lag.set(backlog.lag)
        self._pending.set(backlog.pending)
        self._oldest.set(backlog.oldest_seconds)

    def serve(self, port: int) -> None:
        """Serve the metrics over HTTP on all addresses, in a daemon thread.

        Raises:
            SettingsInvalid: the port is not available.
        """
        try:
            start_http_server(port, addr="::" if has_dualstack_ipv6() else "0.0.0.0", registry=self._registry)  # noqa: S104 - for Prometheus
        except OSError as error:
            raise SettingsInvalid(f"METRICS_PORT: {error.strerror}") from None
