# ruff: noqa: INP001 - the command of a probe, not a module
"""Exit 0 if Redis and the database accept connections. Imports only the standard library, because it runs every few seconds."""

import os
import socket
from urllib.parse import urlsplit

for variable, port in (("REDIS_URL", 6379), ("DATABASE_URL", 5432)):
    url = urlsplit(os.environ[variable])
    try:
        socket.create_connection((url.hostname, url.port or port), timeout=3).close()
    except OSError as error:
        raise SystemExit(f"{variable}: cannot connect to {url.hostname}: {error}") from None
