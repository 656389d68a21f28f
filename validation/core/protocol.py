"""The published contract, restated: the harness does not import the system that it validates."""

import uuid

API_VERSION = "0.3.2"
CONSUMER_VERSION = "0.3.0"

LAYERS = {"frontend": "presentation", "api": "application", "consumer": "processing", "data": "data"}
"""The four namespaces, without their prefix, and the value of the `layer` label in each."""

STREAM = "votes"
GROUP = "vote-processors"
DEAD_SUFFIX = ":dead"
KEY_PREFIX = "votes:key:"
"""Prefix of the Redis key that remembers the entry of a vote with an Idempotency-Key, under its vote id."""
ENTRY_FIELDS = ("option", "timestamp", "request_id")
DEAD_LETTER_FIELDS = (*ENTRY_FIELDS, "source_id", "reason")
OPTIONS = ("cats", "dogs")

TABLES = ("votes", "vote_ledger")
FUNCTIONS = ("increment_votes", "get_vote_results")

API_UID, CONSUMER_UID = 65532, 1000
API_PORT = 8000
API_IMAGE_MB, CONSUMER_IMAGE_MB = 200, 250
BODY_LIMIT_BYTES = 1_048_576
RESULTS_MAX_AGE_SECONDS = 2
DEGRADED_ANSWER_SECONDS = 2.0
API_READY_SECONDS = 5.0
SHUTDOWN_SECONDS = 5.0
VOTE_TO_RESULT_SECONDS = 10.0

CORS_METHODS = frozenset({"GET", "POST", "OPTIONS"})
CORS_HEADERS = frozenset({"content-type", "authorization", "accept", "idempotency-key"})
CORS_MAX_AGE_SECONDS = 600

HEADERS = {
    "x-frame-options": ("DENY",),
    "x-content-type-options": ("nosniff",),
    "x-xss-protection": ("0",),
    "referrer-policy": ("strict-origin-when-cross-origin", "strict-origin", "same-origin", "no-referrer"),
    "permissions-policy": ("geolocation=(), microphone=(), camera=()",),
    "cross-origin-opener-policy": ("same-origin",),
    "cross-origin-resource-policy": ("same-origin", "same-site"),
}
"""Header → permitted values."""

HSTS_SECONDS_AT_LEAST = 31_536_000
"""A year. A browser forgets the header when max-age is over, and at once when it is 0."""

CSP_AT_LEAST = {
    "default-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'self'",
    "object-src": "'none'",
    "frame-ancestors": "'none'",
}

CONSUMER_VARIABLES = {
    "REDIS_URL": None,
    "DATABASE_URL": None,
    "STREAM_NAME": STREAM,
    "CONSUMER_GROUP": GROUP,
    "CONSUMER_NAME": None,
    "BATCH_SIZE": "500",
    "BLOCK_MS": "2000",
    "MAX_RETRIES": "3",
    "LOG_LEVEL": "INFO",
}
"""The nine variables and their published defaults; None: the default depends on the environment."""

SHUTDOWN_EVENTS = (
    "shutdown_signal_received",
    "consumer_shutting_down",
    "closing_redis_client",
    "closing_postgres_pool",
    "consumer_shutdown_complete",
)

REDIS_SETTINGS = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


def is_vote_id(text: str) -> bool:
    """Return whether a text is a UUID in canonical form."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
