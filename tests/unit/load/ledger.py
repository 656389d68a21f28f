"""A real ledger filled with given rows, and votes with a known fate."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from anyio.from_thread import BlockingPortal
from hypothesis import strategies as some

from loadtests.records import Line
from tests.unit.load.records import BEGAN, again, vote
from validation.load import reconcile
from validation.load.result import Reconciliation
from validation.probes.running.store import StoreProbe

OTHER = {"cats": "dogs", "dogs": "cats"}
MORE = "insert into votes (option, count) values ($1, $2) on conflict (option) do update set count = votes.count + excluded.count"
Row = tuple[UUID, str, float]


@dataclass
class Database:
    url: str
    portal: BlockingPortal
    store: StoreProbe = field(init=False)

    def __post_init__(self) -> None:
        self.store = StoreProbe(self.url, self.portal)

    def has(self, rows: Iterable[Row], *, more: dict[str, int] | None = None) -> None:
        """Contain only these rows (id, option, seconds since the start), and `more` counts of an option than rows."""
        ledger = [(vote_id, option, "1-0", datetime.fromtimestamp(BEGAN + at, UTC)) for vote_id, option, at in rows]

        async def fill() -> None:
            connection = await asyncpg.connect(self.url)
            await connection.execute("truncate votes, vote_ledger")
            await connection.copy_records_to_table("vote_ledger", records=ledger)
            await connection.execute("insert into votes (option, count) select option, count(*) from vote_ledger group by option")
            for option, count in (more or {}).items():
                await connection.execute(MORE, option, count)
            await connection.close()

        self.portal.call(fill)

    def reconciliation(self, folder: Path, **more: Any) -> Reconciliation:
        since = datetime.fromtimestamp(BEGAN, UTC).isoformat()
        return reconcile.reconcile(folder, self.store, since, more.pop("ahead", 0.0), more.pop("again", ()), **more)


@dataclass
class Plan:
    """Votes with a chosen fate: what the generator records, what the ledger has, and what the reconciliation must show."""

    lines: list[Line] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    accepted: int = 0
    unanswered: int = 0
    lost: int = 0
    never_accepted: int = 0
    wrong_option: int = 0

    def add(self, number: int, fate: str, option: str, one: UUID, two: UUID) -> None:
        line = vote(number, at=number, vote_id=one, option=option)
        row = (one, option, number + 0.5)
        lines: dict[str, list[Line]] = {
            "refused": [vote(number, at=number, status=429, option=option)],
            "never_accepted": [],
            "unanswered": [vote(number, at=number, status=503, option=option)],
            "answered again": [vote(number, at=number, status=0, option=option), again(line)],
            "answered twice": [line, again(line)],
            "another id, counted": [line, again(line, vote_id=two, ended=line.ended + 1)],
            "another id, not counted": [line, again(line, vote_id=two, ended=line.ended + 1)],
            "an id for two": [line, vote(number + 1000, at=number, vote_id=one, option=option)],
        }
        rows: dict[str, list[Row]] = {
            "refused": [],
            "lost": [],
            "unanswered": [],
            "other option": [(one, OTHER[option], number + 0.5)],
            "another id, counted": [row, (two, option, number + 0.5)],
        }
        self.lines += lines.get(fate, [line])
        self.rows += rows.get(fate, [row])
        self.accepted += {"refused": 0, "never_accepted": 0, "unanswered": 0, "another id, not counted": 2, "an id for two": 2}.get(fate, 1)
        self.unanswered += fate == "unanswered"
        self.lost += fate in {"lost", "another id, not counted", "an id for two"}
        self.never_accepted += fate in {"never_accepted", "another id, counted"}
        self.wrong_option += fate == "other option"


FATES = ["counted", "refused", "lost", "never_accepted", "other option", "unanswered", "answered again", "answered twice"]
FATES += ["another id, counted", "another id, not counted", "an id for two"]
FATE = some.tuples(some.sampled_from(FATES), some.sampled_from(sorted(OTHER)), some.uuids(), some.uuids())
VOTES = some.lists(FATE, max_size=40, unique_by=(lambda fate: fate[2], lambda fate: fate[3]))
