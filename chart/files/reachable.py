# ruff: noqa: INP001 - a command of a probe, not a module
"""Exit 0 when Redis and the database take connections; the standard library only, as it runs every few seconds."""

import os
import socket
from urllib.parse import urlsplit

for variable, port in (("REDIS_URL", 6379), ("DATABASE_URL", 5432)):
    url = urlsplit(os.environ[variable])
    try:
        socket.create_connection((url.hostname, url.port or port), timeout=3).close()
    except OSError as error:
        raise SystemExit(f"{variable}: {error}") from None
