"""What the consumer counts about itself, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from system.consumer.backlog import Backlog
from system.errors import SettingsInvalid

BATCH_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000)
SECONDS_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class Metrics:
    """The metrics of one consumer, in a registry of their own."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self.counted = Counter("votes_counted", "Votes counted", registry=registry)
        self.duplicates = Counter("votes_duplicate", "Deliveries of a vote that had been counted before", registry=registry)
        self.dead = Counter("votes_dead_lettered", "Entries moved to the dead letters", registry=registry)
        self.claimed = Counter("votes_claimed", "Entries taken over from another consumer", registry=registry)
        self.lost = Counter("votes_lost", "Entries that were pending and are gone from the stream", registry=registry)
        self.batch = Histogram("vote_batch_entries", "Entries in a batch", registry=registry, buckets=BATCH_BUCKETS)
        self.statement = Histogram(
            "vote_statement_seconds", "Time to count a batch in the database", registry=registry, buckets=SECONDS_BUCKETS
        )

        self._lag = Gauge("vote_lag_entries", "Entries that no consumer was given yet; NaN if unknown", registry=registry)
        self._pending = Gauge("vote_pending_entries", "Entries given and not acknowledged; NaN if unknown", registry=registry)
        self._oldest = Gauge("vote_oldest_seconds", "Age of the oldest vote that is not counted; NaN if unknown", registry=registry)
        self.back_offs = Counter("vote_back_offs", "Turns that failed because a server did not do its part", ("server",), registry=registry)
        self.show(Backlog())

    def show(self, backlog: Backlog) -> None:
        """Show how far the counting is behind. Every consumer of a group shows the same: take the maximum, not the sum."""
        self._lag.set(backlog.lag)
        self._pending.set(backlog.pending)
        self._oldest.set(backlog.oldest_seconds)

    def serve(self, port: int) -> None:
        """Serve the metrics over HTTP on every address, in a thread that ends with the process.

        Raises:
            SettingsInvalid: the port cannot be had.
        """
        try:
            start_http_server(port, registry=self._registry)
        except OSError as error:
            raise SettingsInvalid(f"METRICS_PORT: {error.strerror}") from None
