"""GET and HEAD /health and /ready: liveness of the process, and readiness of its dependencies."""

import asyncio
from collections.abc import Awaitable
from typing import Literal

from fastapi import FastAPI, Response
from pydantic import BaseModel

from system.api.responses import RETRY_AFTER_SECONDS
from system.api.results import UNAVAILABLE as DATABASE_UNAVAILABLE
from system.api.results import Store
from system.api.stream import UNAVAILABLE as REDIS_UNAVAILABLE
from system.api.stream import VoteStream
from system.errors import StoreUnfit

CHECK_DEADLINE_SECONDS = 1.5

Connection = Literal["connected", "disconnected"]


class Health(BaseModel):
    """The process responds. This says nothing about Redis or the database."""

    status: Literal["healthy"] = "healthy"


class Readiness(BaseModel):
    """Whether the API can accept votes and reach the database, and which connection is missing. A server that is unfit is disconnected.

    The schema may still be missing: votes wait for it, and results are answered with 503.
    """

    status: Literal["ready", "unavailable"]
    redis: Connection
    database: Connection
    unfit: list[str] = []
    """What makes a server unfit for votes, and what is needed; absent if none is."""


async def _connection(check: Awaitable[None], unfit: list[str]) -> Connection:
    try:
        async with asyncio.timeout(CHECK_DEADLINE_SECONDS):
            await check
    except StoreUnfit as failure:
        unfit.append(str(failure))
        return "disconnected"
    except (*REDIS_UNAVAILABLE, *DATABASE_UNAVAILABLE):
        return "disconnected"
    return "connected"


def add_health(app: FastAPI, stream: VoteStream, store: Store) -> None:
    """Add the routes `/health` and `/ready`."""

    @app.api_route("/health", methods=["GET", "HEAD"])
    async def health() -> Health:
        """Report that the process is alive."""
        return Health()

    @app.api_route(
        "/ready",
        methods=["GET", "HEAD"],
        responses={
            200: {"model": Readiness},
            503: {"model": Readiness, "description": "Redis or the database is down or unfit."},
        },
    )
    async def ready() -> Response:
        """Report within 2 s whether Redis and the database would store votes."""
        unfit: list[str] = []
        redis, database = await asyncio.gather(_connection(stream.check(), unfit), _connection(store.check(), unfit))
        is_ready = redis == database == "connected"
        status: Literal["ready", "unavailable"] = "ready" if is_ready else "unavailable"
        body = Readiness(status=status, redis=redis, database=database, unfit=unfit).model_dump_json(exclude_defaults=True)
        headers = {"Cache-Control": "no-store"} | ({} if is_ready else {"Retry-After": str(RETRY_AFTER_SECONDS)})
        return Response(body, status_code=200 if is_ready else 503, media_type="application/json", headers=headers)
