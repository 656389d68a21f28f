"""How much each part may grow with each unit of work, as `docs/explanation/guarantees.md` promises it under Growth."""

from dataclasses import dataclass
from typing import Literal

Work = Literal["entries", "requests", "clients", "batches"]
PHASES = STEADY, VISITS, LOSSES = "votes", "visits", "lost connections"
"""Rounds of votes alone, rounds in which clients come and go, and rounds in which all connections to the servers are lost."""


@dataclass(frozen=True, slots=True)
class Promise:
    """A limit of growth.

    Attributes:
        subject: what is measured.
        work: the unit of work.
        limit: how much it may grow with each unit.
        phase: the rounds whose points are fitted.
        remedy: where to look first.
    """

    subject: str
    work: Work
    limit: float
    phase: str = STEADY
    remedy: str = ""


API, CONSUMER = "system/api: what is kept for each request or client", "system/consumer: what is kept for each vote"
POOL = "system/redis_pool.py"
SCHEMA, UPKEEP = "system/db/migrations and system/db/store.py", "system/consumer/upkeep.py"

PROMISES = (
    Promise("API: memory", "requests", 64, remedy=API),
    Promise("API: log", "requests", 300, remedy="system/api/request_log.py"),
    Promise("consumer: memory", "entries", 16, remedy=CONSUMER),
    Promise("consumer: log", "batches", 800, remedy="system/consumer/loop.py"),
    Promise("Redis: memory", "entries", 8, remedy=UPKEEP),
    Promise("Redis: journal", "entries", 800, remedy="the commands for each vote: system/api/stream.py and system/consumer/loop.py"),
    Promise("PostgreSQL: ledger", "entries", 200, remedy=SCHEMA),
    Promise("PostgreSQL: counts", "entries", 0, remedy=SCHEMA),
    Promise("PostgreSQL: catalogue", "entries", 0, remedy=SCHEMA),
    Promise("PostgreSQL: journal", "entries", 500, remedy=SCHEMA),
    Promise("PostgreSQL: memory", "entries", 16, remedy="system/db/store.py: what a session keeps"),
    Promise("API: memory", "clients", 8192, VISITS, API),
    *(
        Promise(subject, "requests", 0, phase, remedy)
        for phase in PHASES
        for subject, remedy in {
            "API: descriptors": POOL,
            "API: threads": API,
            "API: metric series": "system/api/metrics.py: labels",
            "consumer: metric series": "system/consumer/metrics.py",
            "consumer: descriptors": POOL,
            "consumer: threads": CONSUMER,
            "Redis: connections": POOL,
            "Redis: entries": UPKEEP,
            "Redis: keys": "system/api/stream.py and system/api/rate_limit.py: the time of each key",
            "Redis: names": UPKEEP,
            "PostgreSQL: sessions": "system/db/store.py",
        }.items()
    ),
)

MEMORY_MAX = {"API": 160 * 2**20, "consumer": 80 * 2**20}
"""Bytes. After requests that it refuses, the API levels off above what it needs for votes alone: Python frees cycles of objects late."""
STREAM_KEYS = frozenset({"votes"})
EXPIRIES = {"votes:key": 3600, "votes:limit": 3600, "votes:key:ready": 10}
"""Seconds that a key lives, by its kind: IDEMPOTENCY_TTL, the window of RATE_LIMIT and the key of the readiness check."""
ADDRESSES_REMEMBERED = 4096
"""Clients whose address the API remembers. They must all have come before growth can be told from filling."""
