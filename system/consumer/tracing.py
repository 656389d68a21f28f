"""A span for each vote that the consumer processes, if its entry names a trace. Imported only if a collector is configured."""

from collections.abc import Sequence

from opentelemetry.trace import SpanKind, StatusCode

from system import contract
from system.consumer.counting import Outcome
from system.consumer.decide import Decision, Entry
from system.settings import ConsumerSettings
from system.tracing import Tracing, parent

FAILED = frozenset({"malformed", "refused"})


class TracedVotes:
    """Records spans of a batch when its outcome is known, so that counting itself does nothing for them."""

    def __init__(self, tracing: Tracing, settings: ConsumerSettings) -> None:
        self.close = tracing.close
        self._tracer = tracing.tracer
        self._name = f"process {settings.stream_name}"
        self._common: dict[str, str | int] = {
            "messaging.system": "redis",
            "messaging.operation.type": "process",
            "messaging.operation.name": "process",
            "messaging.destination.name": settings.stream_name,
            "messaging.consumer.group.name": settings.consumer_group,
        }

    def record(self, started: int, entries: Sequence[Entry], decision: Decision, outcome: Outcome) -> None:
        """Record what became of a batch.

        Args:
            started: when its processing began, in nanoseconds since the epoch.
            entries: all of its entries. Those without a valid `traceparent` have no span.
            decision: which of them are votes.
            outcome: which votes were counted.
        """
        malformed = {entry.stream_id for entry in decision.malformed}
        for raw_id, fields in entries:
            context = parent(contract.traceparent_of(fields))
            if context is None:
                continue
            stream_id = raw_id.decode()
            became = _became(stream_id, malformed, outcome)
            named: dict[str, str | int] = {
                "messaging.message.id": stream_id,
                "messaging.batch.message_count": len(entries),
                "outcome": became,
            }
            span = self._tracer.start_span(self._name, context, SpanKind.CONSUMER, self._common | named, start_time=started)
            if vote_id := contract.vote_id_of(fields):
                span.set_attribute("vote_id", vote_id)
            if became in FAILED:
                span.set_attribute("error.type", outcome.refused.get(stream_id, "malformed"))
                span.set_status(StatusCode.ERROR)
            span.end()


def _became(stream_id: str, malformed: set[str], outcome: Outcome) -> str:
    if stream_id in malformed:
        return "malformed"
    if stream_id in outcome.refused:
        return "refused"
    return "counted" if stream_id in outcome.counted else "duplicate"
