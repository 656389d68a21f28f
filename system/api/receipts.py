"""GET /api/votes/{vote_id}: what became of a vote. One read of the ledger answers everyone who asked since the last one."""

import asyncio
import time
from datetime import datetime
from typing import Annotated, Literal

from fastapi import FastAPI, Path, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from system.api.responses import problems, unavailable
from system.api.results import READ_DEADLINE_SECONDS, Store
from system.api.results import UNAVAILABLE as DATABASE_UNAVAILABLE
from system.api.stream import UNAVAILABLE as REDIS_UNAVAILABLE
from system.api.stream import VoteStream
from system.api.votes import idempotency_key, vote_id_of
from system.contract import is_vote_id
from system.db.store import CountedVote
from system.errors import summary
from system.logs import Event, logger

READ_EVERY_SECONDS = 0.5
DEADLINE_SECONDS = 1.8
PROBLEMS = problems(
    {
        400: "The Idempotency-Key is not 1 to 255 visible ASCII characters, or was sent more than once.",
        422: "The vote id is not a UUID in canonical form.",
        429: "Too many requests from this address.",
        503: "The database or Redis is unavailable, and without it the state is not known.",
    }
)
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The key that the vote was sent with. Whoever has it is told the option.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


class Receipt(BaseModel):
    """What became of a vote. A vote that still waits is `unknown` if it was sent without a key, or its key is forgotten."""

    vote_id: str
    state: Literal["accepted", "counted", "unknown"]
    counted_at: datetime | None = None
    """When it was counted, to the second."""
    option: str | None = None
    """What it is for. Null without the vote's own Idempotency-Key."""


class LedgerReader:
    """Reads the ledger at most once per `READ_EVERY_SECONDS`, for all votes that were asked for meanwhile."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turn = asyncio.Lock()
        self._asked: set[str] = set()
        self._next: asyncio.Task[dict[str, CountedVote]] | None = None
        self._read_at = -READ_EVERY_SECONDS

    async def find(self, vote_id: str) -> CountedVote | None:
        """Return the vote if it is counted.

        Raises:
            TimeoutError: no answer within `DEADLINE_SECONDS`.
            One of DATABASE_UNAVAILABLE: the database does not respond.
        """
        self._asked.add(vote_id)
        if self._next is None:
            self._next = asyncio.create_task(self._read())
        async with asyncio.timeout(DEADLINE_SECONDS):
            found = await asyncio.shield(self._next)  # a client that disconnects must not cancel it for the others
        return found.get(vote_id)

    async def _read(self) -> dict[str, CountedVote]:
        async with self._turn:
            await asyncio.sleep(self._read_at + READ_EVERY_SECONDS - time.monotonic())
            asked, self._asked, self._next = self._asked, set(), None
            self._read_at = time.monotonic()
            async with asyncio.timeout(READ_DEADLINE_SECONDS):
                return await self._store.counted(sorted(asked))


def add_receipts(app: FastAPI, store: Store, stream: VoteStream) -> None:
    """Add the route `/api/votes/{vote_id}`."""
    reader, log = LedgerReader(store), logger()

    @app.get("/api/votes/{vote_id}", responses={200: {"model": Receipt}, **PROBLEMS}, openapi_extra={"parameters": [KEY]})
    async def read_receipt(
        request: Request, vote_id: Annotated[str, Path(description="The id from the 201 response.", json_schema_extra={"format": "uuid"})]
    ) -> Receipt:
        """Return what became of a vote: accepted, counted, or unknown. The option is told only to whoever sends the vote's key."""
        key = idempotency_key(request.scope)
        if not is_vote_id(vote_id):
            raise HTTPException(422, "The vote id must be a UUID in canonical form")
        told = key is not None and vote_id_of(key) == vote_id
        try:
            if counted := await reader.find(vote_id):
                return Receipt(vote_id=vote_id, state="counted", counted_at=counted.at, option=counted.option if told else None)
        except DATABASE_UNAVAILABLE as failure:
            log.warning(Event.POSTGRES_UNAVAILABLE, error=summary(failure))
            raise unavailable("The database") from None
        try:
            remembered = await stream.remembered(vote_id)
        except REDIS_UNAVAILABLE as failure:
            log.warning(Event.REDIS_UNAVAILABLE, error=summary(failure))
            raise unavailable("Redis") from None
        if remembered is None:
            return Receipt(vote_id=vote_id, state="unknown")
        return Receipt(vote_id=vote_id, state="accepted", option=remembered if told else None)
