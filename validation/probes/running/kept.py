"""Read everything that a managed system has written: its files, what Redis holds, and the rows of every table."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis

from validation.core.errors import ProbeError

SECONDS = 10.0
COLUMNS = """
    select table_name, string_agg(column_name, ' ' order by column_name) as columns
    from information_schema.columns where table_schema = 'public' group by table_name order by table_name
"""


def files(folder: Path, since: float) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each file below a folder that was written since then.

    NUL bytes are left out: they fill the pages of a database, and stand between the letters of some encodings.
    """
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_symlink() or not path.is_file() or path.stat().st_mtime < since:
                continue
            yield str(path.relative_to(folder)), path.read_bytes().translate(None, b"\0")
        except FileNotFoundError:  # a server removed it meanwhile
            continue


def redis_keys(url: str) -> dict[str, str]:
    """Return every key of a Redis with its value as text.

    Raises:
        ProbeError: Redis does not answer.
    """
    try:
        with redis.Redis.from_url(url, decode_responses=True, socket_timeout=SECONDS, encoding_errors="replace") as client:
            return {str(key): str(_value(client, key)) for key in client.scan_iter(count=1000)}
    except (redis.RedisError, OSError) as error:
        raise ProbeError(f"Cannot read Redis: {error}.", "Redis is down") from error


def _value(client: Any, key: str) -> Any:
    readers = {
        "string": lambda: client.get(key),
        "stream": lambda: client.xrange(key),
        "hash": lambda: client.hgetall(key),
        "list": lambda: client.lrange(key, 0, -1),
        "set": lambda: client.smembers(key),
        "zset": lambda: client.zrange(key, 0, -1, withscores=True),
    }
    return readers.get(str(client.type(key)), lambda: "")()
