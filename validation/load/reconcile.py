"""Reconcile every vote of a load run with the ledger, by id. Votes are sorted on disk and compared row by row, in constant memory.

A 201 promises that the vote with its key is counted once.
- The same id twice for one key, as after a retry, is one vote.
- A second id for the same key is not a second vote: in the ledger it was never accepted, and missing from the ledger it is lost.
- One id for two keys counts only one of two voters: the first response has the vote, the other vote is lost.
- A 201 without a UUID is a vote that cannot be found: lost.
The ledger therefore has exactly `accepted - lost + never_accepted` rows since the run began.
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from loadtests.records import UNANSWERED, read
from validation.core.errors import HarnessError
from validation.hops.sightings import TracedVote
from validation.hops.trace import Trace
from validation.hops.tracer import TRACED, Tracer, by_hop
from validation.load.latency import EXPECTED, VOTES, Durations
from validation.load.result import Reconciliation
from validation.probes.running.store import StoreProbe

SERVER_ERROR = 500
CACHE_KIB = 16 * 1024
LISTED = 20
READINGS = 5
NO_ID = bytes(16)
RESENT = -1

TABLE = """
create table answers (process integer, number integer, vote_id blob, option text, answered real, primary key (process, number, vote_id))
without rowid
"""
"""An empty vote_id means no response, or none that says whether the vote was accepted."""
INSERT = "insert into answers values (?, ?, ?, ?, ?) on conflict do update set answered = min(answered, excluded.answered)"
UNANSWERED_VOTES = (
    "select process, number, option from answers group by process, number having max(length(vote_id)) = 0 order by process, number"
)
ACCEPTED = """
select vote_id, option, answered, process <> ? and answered >= ? as timed,
  row_number() over (partition by process, number order by answered, vote_id) > 1 as second
from answers where vote_id <> x'' order by vote_id, second, answered
"""

CLOCK = "select clock_timestamp()::text, extract(epoch from clock_timestamp())::float8"
LEDGER = """
select uuid_send(vote_id), option, extract(epoch from counted_at)::float8
from vote_ledger where counted_at >= $1::text::timestamptz order by vote_id
"""
DIFFERENT_COUNTS = """
select option, coalesce(votes.count, 0), coalesce(ledger.count, 0)
from votes full join (select option, count(*) from vote_ledger group by option) as ledger using (option)
where coalesce(votes.count, 0) <> coalesce(ledger.count, 0) order by option
"""


def clock(store: StoreProbe) -> tuple[str, float]:
    """Read the clock of the database before a run.

    Returns:
        The time, for `reconcile`, and the seconds by which that clock is ahead of the local one, from the fastest of several readings.
    """
    readings, session = [], store.session()
    try:
        for _ in range(READINGS):
            before = time.time()
            ((moment, seconds),) = store.fetch(session, CLOCK)
            after = time.time()
            readings.append((after - before, str(moment), float(seconds) - (before + after) / 2))
    finally:
        store.close_session(session)
    return readings[0][1], min(readings)[2]


def unanswered(records: Path) -> Iterator[tuple[str, int, str]]:
    """Yield process, number and option of each vote that got no response or a 5xx, and never a 201: its fate is unknown."""
    with _sorted(records) as (database, processes, _):
        for process, number, option in database.execute(UNANSWERED_VOTES):
            yield processes[process], number, option


def reconcile(  # noqa: PLR0913 - what was noted, where it was counted, and two clocks
    records: Path,
    store: StoreProbe,
    since: str,
    ahead: float,
    again: Iterable[tuple[str, str, float]] = (),
    *,
    warm_up: float = 0.0,
    tracer: Tracer | None = None,
) -> Reconciliation:
    """Compare every vote with the ledger.

    Args:
        records: folder of the request records.
        store: the database. Every vote accepted before the run must have been counted before `since`.
        since: a time on the database's clock, before the first vote of the run.
        ahead: seconds by which that clock is ahead of the local one.
        again: id, option and time of each vote from `unanswered` that was sent again and got a 201. Such votes are not timed, since
            their first response never came.
        warm_up: responses within this many seconds of the first request are not timed. Their votes are reconciled.
        tracer: says at which hop each of the first wrong votes was last seen.

    Returns:
        The reconciliation. If no vote could be timed, `count_histogram` is empty and the times are 0.

    Raises:
        ProbeError: the database does not answer.
        HarnessError: the disk is full.
    """
    with _sorted(records) as (database, _, began):
        unanswered_votes = sum(1 for _ in database.execute(UNANSWERED_VOTES))
        more = enumerate(again)
        database.executemany(INSERT, ((RESENT, number, _id_of(vote), option, answered) for number, (vote, option, answered) in more))
        totals = _Totals(began, ahead)
        totals.compare_counts(store)
        with closing(store.rows(LEDGER, since)) as ledger:
            totals.compare(database.execute(ACCEPTED, (RESENT, began + warm_up)), ledger)
    traces = tracer.find(totals.wrong) if tracer else []
    return Reconciliation(
        accepted=totals.accepted,
        unanswered=unanswered_votes,
        lost=totals.lost,
        never_accepted=totals.never_accepted,
        wrong_option=totals.wrong_option,
        count_difference=totals.count_difference,
        listed=totals.told(traces),
        hops=dict(by_hop(traces).most_common()),
        count_p50=totals.times.percentile(50),
        count_p95=totals.times.percentile(95),
        count_max=totals.times.max,
        count_histogram=totals.times.steps(),
    )


def _id_of(text: str) -> bytes:
    try:
        return UUID(text).bytes
    except ValueError:
        return NO_ID


@contextmanager
def _sorted(records: Path) -> Iterator[tuple[sqlite3.Connection, list[str], float]]:
    """Sort the recorded votes on disk. Yield the table, the process names by their number in it, and the first scheduled time."""
    processes: list[str] = []
    began = float("inf")

    def rows() -> Iterator[tuple[int, int, bytes, str, float]]:
        nonlocal began
        for process, line in read(records):
            if process not in processes[-1:]:
                processes.append(process)
            began = min(began, line.intended)
            if line.name not in VOTES:
                continue
            if line.status == EXPECTED[line.name]:
                yield len(processes) - 1, line.number, line.vote_id.bytes if line.vote_id else NO_ID, line.option, line.ended
            elif line.status == UNANSWERED or line.status >= SERVER_ERROR:
                yield len(processes) - 1, line.number, b"", line.option, line.ended

    try:
        with closing(sqlite3.connect("")) as database:  # no name: SQLite spills to a temporary file when its cache is full, and removes it
            database.execute(f"pragma cache_size = -{CACHE_KIB}")
            database.execute(TABLE)
            database.executemany(INSERT, rows())
            yield database, processes, began if processes else 0.0
    except sqlite3.Error as error:
        raise HarnessError(f"Cannot sort the votes of the run: {error}.", "the disk for temporary files is full") from error


@dataclass
class _Totals:
    """The running totals of a reconciliation."""

    began: float
    ahead: float
    accepted: int = 0
    lost: int = 0
    never_accepted: int = 0
    wrong_option: int = 0
    count_difference: int = 0
    listed: list[tuple[str, str]] = field(default_factory=list)
    wrong: list[TracedVote] = field(default_factory=list)
    times: Durations = field(default_factory=Durations)

    def compare_counts(self, store: StoreProbe) -> None:
        """Compare the count of each option with its rows in the ledger. Both cover the whole life of the database."""
        for option, count, rows in store.rows(DIFFERENT_COUNTS):
            self.count_difference += abs(count - rows)
            self._list(f"count of {option}: {count}, and the ledger has {rows} rows")

    def told(self, traces: Iterable[Trace]) -> list[str]:
        """Return the first wrong votes in words, each with its hop if it was looked for."""
        hops = {one.vote.vote_id: f"; {one.told}" for one in traces}
        return [words + hops.get(vote, "") for vote, words in self.listed]

    def compare(self, votes: Iterable[tuple[bytes, str, float, int, int]], ledger: Iterator[tuple[bytes, str, float]]) -> None:
        """Walk through votes and ledger together, both sorted by id."""
        row, before = next(ledger, None), b""
        for vote, option, answered, timed, second in votes:
            while row and row[0] < vote:
                self._never_accepted(row, "")
                row = next(ledger, None)
            if not row or row[0] != vote:
                self._lost(vote, option, answered, ": it has the id of another vote" if vote == before else "")
            else:
                if second:
                    self._never_accepted(row, ": a second vote for one key")
                else:
                    self._counted(row, option, answered, timed=bool(timed))
                row = next(ledger, None)
            before = vote
        while row:
            self._never_accepted(row, "")
            row = next(ledger, None)

    def _counted(self, row: tuple[bytes, str, float], option: str, answered: float, *, timed: bool) -> None:
        vote, counted_option, counted_at = row
        self.accepted += 1
        if timed:
            self.times.add(counted_at - self.ahead - answered)
        if counted_option != option:
            self.wrong_option += 1
            words = f"wrong option {UUID(bytes=vote)} {option}, counted for {counted_option}, answered at {self._at(answered)}"
            self._list(words, _accepted(vote, option))

    def _lost(self, vote: bytes, option: str, answered: float, why: str) -> None:
        self.accepted += 1
        self.lost += 1
        self._list(f"lost {UUID(bytes=vote)} {option}, answered at {self._at(answered)}{why}", _accepted(vote, option))

    def _never_accepted(self, row: tuple[bytes, str, float], why: str) -> None:
        vote, option, counted_at = row
        self.never_accepted += 1
        words = f"never accepted {UUID(bytes=vote)} {option}, counted at {self._at(counted_at - self.ahead)}{why}"
        self._list(words, TracedVote(str(UUID(bytes=vote))))

    def _at(self, moment: float) -> str:
        return f"{moment - self.began:.1f} s"

    def _list(self, words: str, vote: TracedVote | None = None) -> None:
        if len(self.listed) < LISTED:
            self.listed.append((vote.vote_id if vote else "", words))
        if vote and len(self.wrong) < TRACED:
            self.wrong.append(vote)


def _accepted(vote: bytes, option: str) -> TracedVote:
    return TracedVote(str(UUID(bytes=vote)), option, "201", keyed=True)
