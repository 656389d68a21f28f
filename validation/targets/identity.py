"""What a running target is: the images that run there, and the servers as they name themselves."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import asyncpg
import httpx
import redis

from validation.core.errors import HarnessError, NotProven
from validation.probes.running.database import opened
from validation.record.subject import Subject
from validation.targets.base import Target
from validation.targets.reachability import public_url

SECONDS = 3.0
SILENT = (
    HarnessError, NotProven, OSError, ValueError, redis.RedisError, httpx.HTTPError, asyncpg.PostgresError, asyncpg.InterfaceError,
)  # fmt: skip
"""What a server raises that does not answer, refuses, or is not there."""
STANDS_IN = {"valkey": "Redis"}


@contextmanager
def identified(target: Target, seen: Callable[[Subject], None]) -> Iterator[None]:
    """Report what a target is when the block begins and again when it ends.

    Args:
        target: a started target.
        seen: receives what could be read. A server that does not answer is left out.
    """
    seen(identify(target))
    try:
        yield
    finally:
        seen(identify(target))


def identify(target: Target) -> Subject:
    """Return the images and servers of a target, as far as they answer."""
    images, servers = dict[str, str](), dict[str, str]()
    with suppress(*SILENT):
        images = target.images()
    for name, ask in (("Redis", _redis), ("PostgreSQL", _database), ("API", _api)):
        with suppress(*SILENT):
            if said := ask(target):
                servers[name] = said
    return Subject(images=images, servers=servers)


def _redis(target: Target) -> str:
    with redis.Redis.from_url(target.redis.url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS) as client:
        found: Any = client.info("server")
    product = str(found.get("server_name") or "redis")
    version = found.get(f"{product}_version") or found["redis_version"]
    said = f"{product.capitalize()} {version}"
    said += f", which stands in for {STANDS_IN[product]}" if product in STANDS_IN else ""
    return said + _address(target.settings.redis_url)


def _database(target: Target) -> str:
    async def ask() -> str:
        async with opened(target.database.url, SECONDS) as connection:
            return str(await connection.fetchval("SHOW server_version"))

    return f"PostgreSQL {asyncio.run(ask())}{_address(target.settings.database_url)}"


def _api(target: Target) -> str:
    """Return version and address of an external API. The version of another one is that of its files."""
    if not (url := target.settings.api_url):
        return ""
    answer = httpx.get(f"{url.rstrip('/')}/openapi.json", timeout=SECONDS, trust_env=False)
    version = answer.json()["info"]["version"] if answer.status_code == httpx.codes.OK else "of a version that it does not publish"
    return f"API {version}{_address(url)}"


def _address(url: str) -> str:
    return f" at {public_url(url)}" if url else ""
