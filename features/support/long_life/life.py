"""A system of its own that lives a long life in little time: rounds of the same work, and a measurement after each."""

import dataclasses
import itertools
import re
import secrets
import statistics
from dataclasses import dataclass, field
from typing import NamedTuple

from features.support.consumers import Running
from features.support.long_life.promises import EXPIRIES, PHASES, STEADY, Promise
from features.support.long_life.visitors import Visitors
from validation.core import protocol
from validation.core.errors import ProbeError
from validation.core.growth import Trend, trend
from validation.core.waiting import eventually
from validation.probes.running import footprint
from validation.probes.running.http import HttpProbe
from validation.probes.running.keyspace import FOR_EVER, Keyspace
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.targets.base import Api

COUNTED_SECONDS, EXPIRED_SECONDS = 60.0, 2.0
SERIES = re.compile(rb"^[a-z_]+(\{[^}]*\})? ", re.MULTILINE)
BATCHES = re.compile(rb"^vote_batch_entries_count ([0-9.]+)$", re.MULTILINE)

SIZES = """
select pg_total_relation_size('vote_ledger')::float8 as ledger, pg_total_relation_size('votes')::float8 as counts,
  (select sum(pg_total_relation_size(oid)) from pg_class where relnamespace = 'pg_catalog'::regnamespace and relkind = 'r')::float8
    as catalogue,
  (pg_current_wal_lsn() - '0/0')::float8 as journal
"""
SESSIONS = """
select pid, extract(epoch from state_change)::float8 as since from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()
"""
READ = """
select sum(rows) filter (where relname = 'vote_ledger'), sum(rows) filter (where relname = 'votes'),
  (select xact_commit from pg_stat_database where datname = current_database()), pg_relation_filenode('vote_ledger')
from (select relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) as rows from pg_stat_user_tables) as tables
"""
DROP = "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"


class Reading(NamedTuple):
    """Rows that statements have read so far.

    Attributes:
        ledger: rows of the ledger.
        counts: rows of the counts.
        transactions: transactions so far.
        place: the file that holds the ledger; another one if its rows were written anew.
    """

    ledger: int
    counts: int
    transactions: int
    place: int


@dataclass(frozen=True, slots=True)
class Work:
    """How much of each kind of work one round does.

    Attributes:
        entries: votes put into the stream, as by any producer.
        votes: votes cast over one connection.
        watchers: clients that open the event stream and leave.
        clients: clients that come, send one odd request and leave.
        drops: how often Redis and the database close all connections.
    """

    entries: int
    votes: int
    watchers: int = 0
    clients: int = 0
    drops: int = 0

    def times(self, factor: float) -> "Work":
        """Return so many times the work; connections are lost as often as before, because a consumer waits a second after each loss."""
        scaled = {name: round(getattr(self, name) * factor) for name in ("entries", "votes", "watchers", "clients")}
        return dataclasses.replace(self, **scaled)


@dataclass
class LongLife:
    """The system and what was measured.

    Attributes:
        points: phase → subject → the value after each round.
        kept: keys that never expire.
        longest: kind of key → the longest time that one of them had left, in milliseconds.
    """

    keys: Keyspace
    stream: StreamProbe
    store: StoreProbe
    api: Api
    consumer: Running
    visitors: Visitors
    entries: int = 0
    clients: int = 0
    points: dict[str, dict[str, list[float]]] = field(default_factory=lambda: {phase: {} for phase in PHASES})
    kept: set[str] = field(default_factory=set)
    longest: dict[str, int] = field(default_factory=dict)

    @property
    def accepted(self) -> int:
        """Votes that must be counted: those put into the stream and those answered with 201."""
        return self.entries + self.visitors.statuses[201]

    def live(self, work: Work) -> None:
        """Do one round of work, and wait until every vote is counted.

        Raises:
            ProbeError: the votes were not counted in time.
        """
        for _ in range(work.drops):
            self.keys.drop_connections()
            self.drop_sessions()
            self.visitors.vote(1)
            self.visitors.come_and_go(1)
        self.keys.add_votes(protocol.STREAM, secrets.token_hex(8), work.entries, protocol.OPTIONS)
        self.visitors.watch(work.watchers)
        self.visitors.come_and_go(work.clients)
        self.visitors.vote(work.votes)
        self.entries += work.entries
        self.clients += work.watchers + work.clients + work.drops
        if not self.stream.wait_until_drained(within=COUNTED_SECONDS).held:
            raise ProbeError("The votes of one round were not counted.", "the consumer hangs", f"less {self.consumer.child.log}")

    def measure(self, phase: str) -> None:
        """Expire every key that has an expiry, and measure the system at rest."""
        lives = self.keys.lives()
        self.kept |= {name for name, left in lives.items() if left == FOR_EVER}
        for name, left in lives.items():
            if left != FOR_EVER:
                kind = name if name in EXPIRIES else ":".join(name.split(":")[:2])
                self.longest[kind] = max(self.longest.get(kind, 0), left)
        self.keys.let_expire([name for name, left in lives.items() if left != FOR_EVER])
        kept = sum(left == FOR_EVER for left in lives.values())
        eventually(lambda: len(self.keys.lives()), lambda count: count <= kept, within=EXPIRED_SECONDS)
        eventually(self.settled, bool, within=EXPIRED_SECONDS)
        point = {"entries": float(self.accepted), "requests": float(self.visitors.statuses.total()), "clients": float(self.clients)}
        for subject, value in (point | self._of_processes() | self._of_database() | self._of_redis()).items():
            self.points[phase].setdefault(subject, []).append(value)

    def fitted(self, promise: Promise) -> Trend:
        """Fit what was measured of a subject over the work done."""
        points = self.points[promise.phase]
        return trend(points[promise.work], points[promise.subject])

    def settled(self) -> bool:
        """Return whether the API holds as many descriptors as at the first point, or fewer; else a client has just left."""
        first = self.points[STEADY].get("API: descriptors", [float("inf")])[0]
        return footprint.of(self.api.process.pid).descriptors <= first

    def costs(self, part: str) -> Trend:
        """Fit the processor time that a part took for each round, as a share of the median round, over the number of the round."""
        used = self.points[STEADY][f"{part}: processor"]
        rounds = [after - before for before, after in itertools.pairwise(used)]
        median = statistics.median(rounds)
        return trend(range(len(rounds)), [one / median for one in rounds])

    def drop_sessions(self) -> None:
        """End every session of the API and the consumer."""
        self.store.ask(DROP)

    def rows_read(self) -> Reading:
        """Return what all ended sessions have read."""
        [row] = self.store.rows(READ)
        return Reading(*(int(value) for value in row))

    def last_statements(self) -> dict[int, float]:
        """Return when each session of the API and the consumer ran its last statement."""
        return {int(row["pid"]): float(row["since"]) for row in self.store.rows(SESSIONS)}

    def log_lines(self) -> dict[str, int]:
        """Return how many lines API and consumer have logged."""
        return {name: child.output().count("\n") for name, child in (("API", self.api.process), ("consumer", self.consumer.child))}

    def _of_processes(self) -> dict[str, float]:
        found: dict[str, float] = {}
        urls = self.api.url, f"http://127.0.0.1:{self.consumer.env['METRICS_PORT']}"
        for name, child, url in zip(("API", "consumer"), (self.api.process, self.consumer.child), urls, strict=True):
            body = HttpProbe(url).send("GET", "/metrics").body
            found[f"{name}: metric series"] = len(SERIES.findall(body))
            if batches := BATCHES.search(body):
                found["batches"] = float(batches[1])
            seen = footprint.of(child.pid)
            found |= {f"{name}: {what}": getattr(seen, what) for what in ("memory", "descriptors", "threads", "processor")}
            found[f"{name}: log"] = len(child.output())
        return found

    def _of_database(self) -> dict[str, float]:
        [sizes], sessions = self.store.rows(SIZES), self.last_statements()
        found = {f"PostgreSQL: {name}": float(sizes[name]) for name in ("ledger", "counts", "catalogue", "journal")}
        return found | {"PostgreSQL: sessions": len(sessions), "PostgreSQL: memory": footprint.memory(sessions)}

    def _of_redis(self) -> dict[str, float]:
        server = self.keys.server("used_memory", "aof_current_size")
        return {
            "Redis: memory": server["used_memory"],
            "Redis: journal": server["aof_current_size"],
            "Redis: keys": len(self.keys.lives()),
            "Redis: connections": len(self.keys.connections()),
            "Redis: entries": self.keys.size(protocol.STREAM),
            "Redis: names": len(self.keys.names(protocol.STREAM, protocol.GROUP)),
        }
