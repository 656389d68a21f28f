"""Connections to PostgreSQL that depend on their URL alone, and on no variable or file of the caller."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg

from validation.core.environment import LOOPBACK

NO_FILE = f"{os.devnull}/none"
"""A file that cannot exist. Without one asyncpg reads ~/.pgpass, and warns about its mode."""


async def connect(url: str, within: float, command_within: float | None = None) -> Any:
    """Open a connection.

    On this machine it is not encrypted and uses no password file, unless the URL says so. Elsewhere TLS is used where the server offers it.

    Args:
        url: the server.
        within: seconds to connect.
        command_within: seconds for each statement; None: no limit.
    """
    parts = urlsplit(url)
    asked, here = parse_qs(parts.query), parts.hostname in LOOPBACK
    own: dict[str, Any] = {} if asked.keys() & {"ssl", "sslmode"} else {"ssl": "disable" if here else "prefer"}
    if here and not asked.keys() & {"passfile"}:
        own["passfile"] = NO_FILE
    return await asyncpg.connect(url, timeout=within, command_timeout=command_within, **own)


@asynccontextmanager
async def opened(url: str, within: float) -> AsyncIterator[Any]:
    """Open a connection for a block, with the same limit in seconds to connect, for each statement, and to close."""
    connection = await connect(url, within, within)
    try:
        yield connection
    finally:
        await connection.close(timeout=within)
