"""Checks that a server answers and is what it should be. The message says what is wrong and what to try."""

import asyncio
from urllib.parse import urlsplit

import asyncpg
import httpx
import redis

from validation.core.errors import TargetUnavailable
from validation.probes.running.database import connect, opened

SECONDS = 3.0


def check_http(url: str, *, missing_ok: bool = False) -> bool:
    """Return whether an API answers /health with 200.

    Raises:
        TargetUnavailable: it does not, and `missing_ok` is not set.
    """
    try:
        answer = httpx.get(f"{url.rstrip('/')}/health", timeout=SECONDS, trust_env=False)
    except httpx.HTTPError as error:
        if missing_ok:
            return False
        raise TargetUnavailable(
            f"Nothing answers at {public_url(url)}: {error}.",
            "the API is not running, or the URL is wrong",
            f"curl {public_url(url)}/health",
        ) from None
    if answer.status_code != httpx.codes.OK and not missing_ok:
        raise TargetUnavailable(f"{public_url(url)}/health answers {answer.status_code}.", "this is not the voting API", "votecheck doctor")
    return answer.status_code == httpx.codes.OK


def check_redis(url: str) -> None:
    """Check that Redis answers.

    Raises:
        TargetUnavailable: it does not.
    """
    try:
        with redis.Redis.from_url(url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS) as client:
            client.ping()
    except (redis.RedisError, ValueError, OSError) as error:
        raise TargetUnavailable(
            f"Redis does not answer at {public_url(url)}: {error}.",
            "it is not running, or the URL or password is wrong",
            "votecheck run --redis-url redis://host:6379/0",
        ) from None


def check_database(url: str) -> None:
    """Check that PostgreSQL answers and has the schema.

    Raises:
        TargetUnavailable: it does not answer, or lacks the tables.
    """

    async def tables() -> set[str]:
        async with opened(url, SECONDS) as connection:
            rows = await connection.fetch("select relname from pg_class where relname in ('votes', 'vote_ledger') and relkind = 'r'")
        return {row["relname"] for row in rows}

    try:
        found = asyncio.run(tables())
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError, TimeoutError) as error:
        raise TargetUnavailable(
            f"PostgreSQL does not answer at {public_url(url)}: {error or type(error).__name__}.",
            "it is not running, or the URL or password is wrong",
            "votecheck run --database-url postgresql://user:password@host:5432/name",
        ) from None
    if missing := {"votes", "vote_ledger"} - found:
        raise TargetUnavailable(
            f"The database at {public_url(url)} has no table {', '.join(sorted(missing))}.",
            "its schema was never created; votecheck does not change an external database",
            "DATABASE_URL=… python -m system.db.migrate",
        )


def answers_as_database(url: str) -> bool:
    """Return whether PostgreSQL accepts connections, whatever its schema."""

    async def once() -> None:
        await (await connect(url, SECONDS)).close(timeout=SECONDS)

    try:
        asyncio.run(once())
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        return False
    return True


def public_url(url: str) -> str:
    """Return a URL without user, password and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}".rstrip("/")
