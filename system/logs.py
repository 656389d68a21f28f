"""JSON logs, one object per line, and the closed set of the consumer's event names."""

import json
import logging
import sys
from enum import StrEnum
from typing import Any

import msgspec
import structlog
import structlog.tracebacks
from structlog.typing import FilteringBoundLogger, Processor

from system.output import make_safe


class Event(StrEnum):
    """Every event the consumer logs. Add new events here; the log contains no other names."""

    CONSUMER_STARTING = "consumer_starting"
    GROUP_CREATED = "consumer_group_created"
    GROUP_EXISTS = "consumer_group_exists"
    GROUP_LOST = "consumer_group_lost"
    MESSAGES_RECEIVED = "messages_received"
    MESSAGES_CLAIMED = "messages_claimed"
    VOTE_RECEIVED = "vote_received"
    PROCESSING_VOTE = "processing_vote"
    VOTE_PROCESSED = "vote_processed"
    VOTE_COUNTED = "vote_counted"
    VOTE_REFUSED = "vote_refused"
    DUPLICATE_REFUSED = "duplicate_refused"
    MALFORMED_MESSAGE_DETECTED = "malformed_message_detected"
    MALFORMED_MESSAGE_DEAD_LETTERED = "malformed_message_dead_lettered"
    MALFORMED_MESSAGE_SET_ASIDE = "malformed_message_set_aside"
    VOTE_LOST = "vote_lost"
    UPKEEP_REFUSED = "upkeep_refused"
    CONSUMER_NAME_REMOVED = "consumer_name_removed"
    REDIS_UNAVAILABLE = "redis_unavailable"
    POSTGRES_UNAVAILABLE = "postgres_unavailable"
    SHUTDOWN_SIGNAL_RECEIVED = "shutdown_signal_received"
    CONSUMER_SHUTTING_DOWN = "consumer_shutting_down"
    CLOSING_REDIS_CLIENT = "closing_redis_client"
    CLOSING_POSTGRES_POOL = "closing_postgres_pool"
    CONSUMER_SHUTDOWN_COMPLETE = "consumer_shutdown_complete"


SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


_encode = msgspec.json.Encoder(enc_hook=repr).encode


def as_json(entry: dict[str, Any], **options: Any) -> str:
    """Return a log entry as JSON in ASCII, so that no terminal acts on what it holds.

    msgspec takes a third of the time of the standard library, which renders what msgspec would not escape.

    Args:
        entry: the names and values of the line.
        options: the standard library's, for values that JSON does not have.
    """
    try:
        line = _encode(entry)
    except (TypeError, UnicodeEncodeError):  # for example half of a surrogate pair
        return json.dumps(entry, **options)
    return line.decode() if line.isascii() else json.dumps(entry, **options)


def configure(level: str) -> None:
    """Write every log line of this process, including those of libraries, to standard output as one JSON object."""
    make_safe()
    without_locals = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)  # locals may hold passwords
    traces = structlog.processors.ExceptionRenderer(without_locals)
    renderer: tuple[Processor, ...] = (traces, structlog.processors.JSONRenderer(serializer=as_json))
    structlog.configure(
        processors=[*SHARED, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.getLogger("sse_starlette").setLevel(max(logging.INFO, logging.getLevelName(level)))  # it logs every event that it sends


def logger() -> FilteringBoundLogger:
    """Return a logger with the configuration set by `configure`."""
    bound: FilteringBoundLogger = structlog.get_logger()
    return bound
