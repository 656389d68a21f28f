"""Every vote of a load run beside the ledger, by its id: sorted on disk, compared row by row, in the same memory for any number of votes.

What is what: an answer 201 promises that the vote of its key is counted, once.
- The same id twice for one key, as a retry gets it, is one vote.
- Another id for the same key is no other vote: in the ledger it is a phantom; not in the ledger the promise is broken, and it is lost.
- The same id for two keys counts one voter of two: the one answered first has it, the other's vote is lost.
- An answer 201 without a UUID is a vote that nobody will find: lost.
So the ledger has exactly `accepted - lost + phantom` rows since the run began.
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
from validation.load.latency import EXPECTED, VOTES, Spread
from validation.load.result import Books
from validation.probes.running.store import StoreProbe

SERVER_ERROR = 500
CACHE_KIB = 16 * 1024
LISTED = 20
LOOKS = 5
NO_ID = bytes(16)
ASKED_AGAIN = -1

TABLE = """
create table answers (process integer, number integer, vote_id blob, option text, answered real, primary key (process, number, vote_id))
without rowid
"""
"""An empty vote_id: no answer, or none that says whether the vote was taken."""
INSERT = "insert into answers values (?, ?, ?, ?, ?) on conflict do update set answered = min(answered, excluded.answered)"
UNKNOWN = "select process, number, option from answers group by process, number having max(length(vote_id)) = 0 order by process, number"
ACCEPTED = """
select vote_id, option, answered, process <> ? and answered >= ? as timed,
  row_number() over (partition by process, number order by answered, vote_id) > 1 as second
from answers where vote_id <> x'' order by vote_id, second, answered
"""

LOOK = "select clock_timestamp()::text, extract(epoch from clock_timestamp())::float8"
LEDGER = """
select uuid_send(vote_id), option, extract(epoch from counted_at)::float8
from vote_ledger where counted_at >= $1::text::timestamptz order by vote_id
"""
UNBALANCED = """
select option, coalesce(votes.count, 0), coalesce(ledger.count, 0)
from votes full join (select option, count(*) from vote_ledger group by option) as ledger using (option)
where coalesce(votes.count, 0) <> coalesce(ledger.count, 0) order by option
"""


def clock(store: StoreProbe) -> tuple[str, float]:
    """Look at the database's clock before a run.

    Returns:
        The moment, for `reconcile`, and by how many seconds that clock is ahead of ours: of some looks the shortest is the most exact.
    """
    looks, session = [], store.session()
    try:
        for _ in range(LOOKS):
            before = time.time()
            ((moment, seconds),) = store.fetch(session, LOOK)
            after = time.time()
            looks.append((after - before, str(moment), float(seconds) - (before + after) / 2))
    finally:
        store.close_session(session)
    return looks[0][1], min(looks)[2]


def unanswered(records: Path) -> Iterator[tuple[str, int, str]]:
    """Give the process, number and option of each vote that got no answer or a 5xx, and never a 201: nobody knows whether it counts."""
    with _sorted(records) as (database, processes, _):
        for process, number, option in database.execute(UNKNOWN):
            yield processes[process], number, option


def reconcile(  # noqa: PLR0913 - what was noted, where it was counted, and two clocks
    records: Path, store: StoreProbe, since: str, ahead: float, again: Iterable[tuple[str, str, float]] = (), *, warm_up: float = 0.0
) -> Books:
    """Compare every vote with the ledger.

    Args:
        records: the folder of records.
        store: the votes and their ledger; everything that was accepted before the run must have been counted before `since`.
        since: a moment of the database's clock, before the first vote of the run.
        ahead: by how many seconds that clock is ahead of ours.
        again: the votes of `unanswered`, each asked for once more with its key, that were answered 201: id, option, when. They are not
            among the times, which would begin with an answer that never came.
        warm_up: answers of so many seconds from the first request are not among the times either; their votes are in the books.

    Returns:
        The books. Without a vote to time, `count_histogram` is empty and the times are 0.

    Raises:
        ProbeError: the database does not answer.
        HarnessError: the disk is full.
    """
    with _sorted(records) as (database, _, began):
        unknown = sum(1 for _ in database.execute(UNKNOWN))
        more = enumerate(again)
        database.executemany(INSERT, ((ASKED_AGAIN, number, _id_of(vote), option, answered) for number, (vote, option, answered) in more))
        found = _Found(began, ahead)
        found.balance(store)
        with closing(store.rows(LEDGER, since)) as ledger:
            found.compare(database.execute(ACCEPTED, (ASKED_AGAIN, began + warm_up)), ledger)
    return Books(
        accepted=found.accepted,
        unknown=unknown,
        lost=found.lost,
        phantom=found.phantom,
        other=found.other,
        uncounted=found.uncounted,
        listed=found.listed,
        count_p50=found.times.percentile(50),
        count_p95=found.times.percentile(95),
        count_max=found.times.max,
        count_histogram=found.times.steps(),
    )


def _id_of(told: str) -> bytes:
    try:
        return UUID(told).bytes
    except ValueError:
        return NO_ID


@contextmanager
def _sorted(records: Path) -> Iterator[tuple[sqlite3.Connection, list[str], float]]:
    """Sort what was noted of votes, on disk: the table, the names of the processes by their number in it, and the first intended moment."""
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
        with closing(sqlite3.connect("")) as database:  # no name: a file that SQLite makes where its cache is full, and removes
            database.execute(f"pragma cache_size = -{CACHE_KIB}")
            database.execute(TABLE)
            database.executemany(INSERT, rows())
            yield database, processes, began if processes else 0.0
    except sqlite3.Error as error:
        raise HarnessError(f"The votes of the run could not be sorted: {error}.", "the disk for temporary files is full") from error


@dataclass
class _Found:
    """What is found on the way through votes and ledger."""

    began: float
    ahead: float
    accepted: int = 0
    lost: int = 0
    phantom: int = 0
    other: int = 0
    uncounted: int = 0
    listed: list[str] = field(default_factory=list)
    times: Spread = field(default_factory=Spread)

    def balance(self, store: StoreProbe) -> None:
        """Compare the count of each option with its rows in the ledger; both were kept since the database began."""
        for option, count, rows in store.rows(UNBALANCED):
            self.uncounted += abs(count - rows)
            self._list(f"uncounted {option}: the count is {count}, the ledger has {rows}")

    def compare(self, votes: Iterable[tuple[bytes, str, float, int, int]], ledger: Iterator[tuple[bytes, str, float]]) -> None:
        """Go through both, sorted by id."""
        row, before = next(ledger, None), b""
        for vote, option, answered, timed, second in votes:
            while row and row[0] < vote:
                self._phantom(row, "")
                row = next(ledger, None)
            if not row or row[0] != vote:
                self._lost(vote, option, answered, ": the id of another voter's vote" if vote == before else "")
            else:
                if second:
                    self._phantom(row, ": a second vote for one key")
                else:
                    self._counted(row, option, answered, timed=bool(timed))
                row = next(ledger, None)
            before = vote
        while row:
            self._phantom(row, "")
            row = next(ledger, None)

    def _counted(self, row: tuple[bytes, str, float], option: str, answered: float, *, timed: bool) -> None:
        vote, counted_option, counted_at = row
        self.accepted += 1
        if timed:
            self.times.add(counted_at - self.ahead - answered)
        if counted_option != option:
            self.other += 1
            self._list(f"other {UUID(bytes=vote)} {option}, counted for {counted_option}, answered at {self._at(answered)}")

    def _lost(self, vote: bytes, option: str, answered: float, why: str) -> None:
        self.accepted += 1
        self.lost += 1
        self._list(f"lost {UUID(bytes=vote)} {option}, answered at {self._at(answered)}{why}")

    def _phantom(self, row: tuple[bytes, str, float], why: str) -> None:
        vote, option, counted_at = row
        self.phantom += 1
        self._list(f"phantom {UUID(bytes=vote)} {option}, counted at {self._at(counted_at - self.ahead)}{why}")

    def _at(self, moment: float) -> str:
        return f"{moment - self.began:.1f} s"

    def _list(self, words: str) -> None:
        if len(self.listed) < LISTED:
            self.listed.append(words)
