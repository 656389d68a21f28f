"""GET /api/results and its event stream. One database read serves all clients for two seconds."""

import asyncio
import json
import time
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import anyio
from fastapi import FastAPI, Request
from pydantic import BaseModel
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from system.api.body import header_values
from system.api.fast_path import PlainRoute
from system.api.percentages import percentages
from system.api.responses import Problem, problems, send_bytes, unavailable
from system.db.store import UNAVAILABLE as DATABASE_UNAVAILABLE
from system.db.store import CountedVote
from system.errors import SettingsInvalid, summary
from system.logs import Event, logger

FRESH_SECONDS = 2.0
CACHING = b"public, max-age=%d" % FRESH_SECONDS
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of an earlier response.",
    "schema": {"type": "string"},
}
QUIET_READS = 5
"""After as many reads without a change, the event stream says that nothing has changed."""
READ_DEADLINE_SECONDS = 1.5
STREAM_ENDS_WITHIN_SECONDS = 1
"""Counted from the shutdown of the server. A stream that is reading the database at that point is closed."""
UNAVAILABLE = (*DATABASE_UNAVAILABLE, SettingsInvalid)
"""What a store raises when the database does not respond. asyncpg rejects a malformed URL only at the first connection."""
PROBLEMS = problems({429: "Too many requests from this address.", 503: "The database is unavailable."})


class Store(Protocol):
    """The database operations that the API needs."""

    async def results(self) -> dict[str, int]:
        """Return the number of votes by option."""

    async def counted(self, vote_ids: Sequence[str]) -> dict[str, CountedVote]:
        """Return those of the votes that are counted, by id."""

    async def check(self) -> None:
        """Raise unless the database would count votes."""

    async def close(self) -> None:
        """Close all connections."""


class OptionResult(BaseModel):
    """One option's votes, and its share in percent with two decimals."""

    option: str
    count: int
    percentage: float


class Results(BaseModel):
    """All options in the order of VOTE_OPTIONS. The percentages sum to 100, or are all 0 without votes."""

    results: list[OptionResult]
    total_votes: int
    last_updated: datetime
    """When the database was read."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A serialized response body. Two snapshots have the same `version` exactly if their options and counts are equal."""

    body: str
    version: str


class ResultsReader:
    """Reads the counts at most once per `FRESH_SECONDS`, regardless of the number of clients. It never returns older counts."""

    def __init__(self, store: Store, options: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._options = options
        self._named = f"{zlib.crc32(','.join(options).encode()):08x}"
        self._clock = clock
        self._reading: asyncio.Task[Snapshot] | None = None
        self._stale_at = 0.0
        self._log = logger()

    def fresh_seconds(self) -> float:
        """Return when to read again. Everyone who waits as long reads together, so a change reaches all streams at once."""
        return max(self._stale_at - self._clock(), FRESH_SECONDS / 20)

    async def latest(self) -> Snapshot:
        """Return the counts, at most `FRESH_SECONDS` old.

        Raises:
            HTTPException: 503, the database did not respond within `READ_DEADLINE_SECONDS`.
        """
        reading = self._reading
        if reading is None or (reading.done() and (self._clock() >= self._stale_at or reading.exception() is not None)):
            self._stale_at = self._clock() + FRESH_SECONDS
            self._reading = reading = asyncio.create_task(self._read())
        try:
            return await asyncio.shield(reading)  # a client that disconnects must not cancel it for the others
        except UNAVAILABLE as failure:
            self._log.warning(Event.POSTGRES_UNAVAILABLE, error=summary(failure))
            raise unavailable("The database") from None

    async def _read(self) -> Snapshot:
        async with asyncio.timeout(READ_DEADLINE_SECONDS):
            stored = await self._store.results()
        counts = [stored.get(option, 0) for option in self._options]
        rows = [
            OptionResult(option=option, count=count, percentage=share)
            for option, count, share in zip(self._options, counts, percentages(counts), strict=True)
        ]
        results = Results(results=rows, total_votes=sum(counts), last_updated=datetime.now(UTC))
        return Snapshot(results.model_dump_json(), "-".join([self._named, *map(str, counts)]))


async def changes(reader: ResultsReader, seen: str | None, stopping: anyio.Event) -> AsyncIterator[ServerSentEvent]:
    """Yield the results whenever they differ from the version the client has seen.

    Say from time to time that nothing has changed, because a client cannot tell silence from a frozen server. Once the database is down,
    say so. Afterwards the results are new, whatever their version.
    """
    outage, quiet = False, 0
    while not stopping.is_set():
        try:
            snapshot = await reader.latest()
        except HTTPException as failure:
            snapshot, seen = None, None
            if not outage:
                outage = True
                yield ServerSentEvent(json.dumps(Problem(detail=failure.detail)), event="unavailable")
        if snapshot is not None and snapshot.version != seen:
            seen = snapshot.version
            outage = False
            yield ServerSentEvent(snapshot.body, id=seen, retry=int(FRESH_SECONDS * 1000))
            quiet = 0
        elif snapshot is not None and (quiet := quiet + 1) == QUIET_READS:
            quiet = 0
            yield ServerSentEvent(json.dumps({"last_updated": json.loads(snapshot.body)["last_updated"]}), event="unchanged")
        with anyio.move_on_after(reader.fresh_seconds()):
            await stopping.wait()


class ResultsEndpoint:
    """The results as a plain ASGI application."""

    def __init__(self, reader: ResultsReader) -> None:
        self._reader = reader

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """Send the counts, or 304 to a client that has them already."""
        snapshot = await self._reader.latest()
        # Weak: with the same counts, only the time of the read differs.
        tag = f'W/"{snapshot.version}"'.encode()
        headers = [(b"cache-control", CACHING), (b"etag", tag)]
        if has_already(scope, tag):
            await send_bytes(send, 304, None, headers)
        else:
            await send_bytes(send, 200, snapshot.body.encode(), headers)


def has_already(scope: Scope, tag: bytes) -> bool:
    """Return whether a request has the tag, compared weakly, or `*`, in If-None-Match (RFC 9110, section 13.1.2)."""
    sent = b",".join(header_values(scope, b"if-none-match"))
    return bool(sent) and not {b"*", tag.removeprefix(b"W/")}.isdisjoint(one.strip().removeprefix(b"W/") for one in sent.split(b","))


def results_route(reader: ResultsReader) -> PlainRoute:
    """Return the route of the results."""

    async def read_results() -> None:
        """Return the counts, at most two seconds old. With their ETag in If-None-Match, 304 says that they are still the same."""

    unchanged = {"description": "The counts are those of the ETag in If-None-Match."}
    described = {"responses": {200: {"model": Results}, 304: unchanged, **PROBLEMS}, "openapi_extra": {"parameters": [IF_NONE_MATCH]}}
    return PlainRoute("/api/results", ResultsEndpoint(reader), read_results, methods=["GET"], **described)


def add_results(app: FastAPI, reader: ResultsReader) -> None:
    """Add the route `/api/results/stream`."""

    @app.get(
        "/api/results/stream",
        response_class=EventSourceResponse,
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}, **PROBLEMS},
    )
    async def stream_results(request: Request) -> EventSourceResponse:
        """Stream the results as server-sent events: the body of /api/results now and on every change.

        After ten seconds without a change, one event `unchanged` says when the database was read.
        While the database is unavailable, one event `unavailable` says so; afterwards the results follow, changed or not.
        """
        await reader.latest()  # if the database is down, respond with 503 instead of a silent stream
        stopping = anyio.Event()
        events = changes(reader, request.headers.get("last-event-id"), stopping)
        return EventSourceResponse(events, shutdown_event=stopping, shutdown_grace_period=STREAM_ENDS_WITHIN_SECONDS)
