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

CHECK_DEADLINE_SECONDS = 1.5

Connection = Literal["connected", "disconnected"]


class Health(BaseModel):
    """The process responds. This says nothing about Redis or the database."""

    status: Literal["healthy"] = "healthy"


class Readiness(BaseModel):
    """Whether the API can accept votes and read results, and which connection is missing."""

    status: Literal["ready", "unavailable"]
    redis: Connection
    database: Connection


async def _connection(check: Awaitable[None]) -> Connection:
    try:
        async with asyncio.timeout(CHECK_DEADLINE_SECONDS):
            await check
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
        responses={200: {"model": Readiness}, 503: {"model": Readiness, "description": "Redis or the database is down."}},
    )
    async def ready() -> Response:
        """Report within 2 s whether Redis and the database respond."""
        redis, database = await asyncio.gather(_connection(stream.ping()), _connection(store.ping()))
        is_ready = redis == database == "connected"
        body = Readiness(status="ready" if is_ready else "unavailable", redis=redis, database=database)
        headers = {"Cache-Control": "no-store"} | ({} if is_ready else {"Retry-After": str(RETRY_AFTER_SECONDS)})
        return Response(body.model_dump_json(), status_code=200 if is_ready else 503, media_type="application/json", headers=headers)
