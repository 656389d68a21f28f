# ruff: noqa: INP001 - the command of a probe, not a module
"""Exit 0 if Redis and the database accept connections. Imports only the standard library, because it runs every few seconds."""

import os
import socket
from urllib.parse import parse_qs, unquote, urlsplit

SECONDS = 3


def addresses(url: str, port: int) -> list[str | tuple[str, int]]:
    """Return where a URL that the consumer accepts leads: paths of Unix sockets, or hosts and ports."""
    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if parts.scheme == "unix":
        return [unquote(parts.path)]
    hosts = (parts.netloc.rpartition("@")[2] or options.get("host", "")).split(",")
    ports = options.get("port", str(port)).split(",") * len(hosts)
    return [address(unquote(host), ports[position]) for position, host in enumerate(hosts)]


def address(host: str, port: str) -> str | tuple[str, int]:
    """Return where one host of a URL leads."""
    if host.startswith("/"):
        return host if ".s.PGSQL." in host else os.path.join(host, f".s.PGSQL.{port}")  # noqa: PTH118 - without another import
    name, colon, own_port = host.rpartition(":")
    if colon and not host.endswith("]"):
        host, port = name, own_port
    return host.strip("[]"), int(port)


def reach(where: str | tuple[str, int]) -> None:
    """Connect."""
    if isinstance(where, tuple):
        socket.create_connection(where, timeout=SECONDS).close()
        return
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(SECONDS)
        connection.connect(where)


def check(variable: str, port: int) -> None:
    """Connect to one of the servers of a URL: the client libraries try them all."""
    error: OSError | None = None
    for where in addresses(os.environ[variable], port):
        try:
            return reach(where)
        except OSError as refused:
            error = refused
    raise SystemExit(f"{variable}: cannot connect: {error}")


if __name__ == "__main__":
    check("REDIS_URL", 6379)
    check("DATABASE_URL", 5432)
