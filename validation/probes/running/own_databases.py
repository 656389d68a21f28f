"""Databases that a scenario has to itself, on the managed servers of a target."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from urllib.parse import urlsplit, urlunsplit

from anyio.from_thread import BlockingPortal

from validation.probes.running.store import StoreProbe


class RedisNumber(IntEnum):
    """Which numbered database of Redis belongs to whom; 0 is that of the target itself."""

    LONG_LIFE = 6
    MODEL = 7
    SETTINGS = 8
    AGAIN = 9
    GAUGES = 10
    READY = 11
    TRACES = 12
    UPGRADE = 13
    LIMITED = 14


def url_of(server: str, database: int | str) -> str:
    """Return the URL of another database of the server that a URL names."""
    return urlunsplit(urlsplit(server)._replace(path=f"/{database}"))


@contextmanager
def new_database(server: str, portal: BlockingPortal) -> Iterator[str]:
    """Create an empty database of PostgreSQL for the length of the block, and yield its URL.

    Args:
        server: URL of a managed server whose user may create databases.
        portal: runs the asynchronous driver.

    Raises:
        ProbeError: the server does not answer.
    """
    store, name = StoreProbe(server, portal), f"votecheck_{secrets.token_hex(4)}"
    store.run(f"create database {name}")
    try:
        yield url_of(server, name)
    finally:
        store.run(f"drop database if exists {name} with (force)")
