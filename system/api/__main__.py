"""`python -m system.api`: wire settings, Redis, the database and the server, then serve."""

import gc
import signal
import socket
import sys

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.supervisors import Multiprocess

from system import API_VERSION
from system.api.app import create_app
from system.api.connections import DeadlineProtocol
from system.api.events import ApiEvent
from system.api.results import READ_DEADLINE_SECONDS
from system.api.stream import VoteStream
from system.db.store import Store
from system.errors import SettingsInvalid
from system.logs import configure, logger
from system.settings import ApiSettings

BACKLOG = 2048
SEND_BUFFER_BYTES = 32 * 1024
"""Send buffer per connection. Linux doubles it for its own bookkeeping; without a limit a client that does not read can hold 4 MB."""
STOP_WITHIN_SECONDS = 2
"""Requests that have arrived are answered within this time; clients still sending are disconnected."""


def factory() -> ASGIApp:
    """Build a worker's application. The database pool belongs to the event loop, so the first call creates it."""
    settings = ApiSettings.read()
    configure(settings.log_level)
    app: ASGIApp | None = None

    async def worker(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal app
        if app is None:  # the server's lifespan call, which precedes any request
            store = await Store.connect(settings.database_url, command_timeout=READ_DEADLINE_SECONDS)
            app = create_app(settings, VoteStream.at(settings.redis_url, settings.idempotency_ttl), store)
            # Everything built so far lives as long as the process. Unless frozen, each full collection scans all of it: 30 ms in
            # which no vote is answered, which accounts for the entire 99th percentile.
            gc.collect()
            gc.freeze()
        await app(scope, receive, send)

    return worker


def listen(host: str, port: int) -> socket.socket:
    """Bind the port before anything else starts.

    Raises:
        SettingsInvalid: the address or port is not available.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except socket.gaierror as unknown:
        raise SettingsInvalid(f"API_HOST: {host} is not an address of this machine ({unknown.strerror})") from None
    except OSError as refused:
        raise SettingsInvalid(f"API_PORT: cannot listen on {host} port {port} ({refused.strerror})") from None
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)  # accepted connections inherit it
    return listening


def main() -> None:
    """Serve until SIGTERM or SIGINT, then exit with code 0."""
    try:
        settings = ApiSettings.read()
        listening = listen(settings.api_host, settings.api_port)
    except SettingsInvalid as invalid:
        sys.stderr.write(f"{invalid}\n")
        raise SystemExit(2) from None
    configure(settings.log_level)
    logger().info(
        ApiEvent.STARTING,
        host=settings.api_host,
        port=settings.api_port,
        version=API_VERSION,
        environment=settings.environment,
        workers=settings.api_workers,
    )
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises the signal again after shutdown
        signal.signal(number, lambda *_: sys.exit(0))
    config = uvicorn.Config(
        "system.api.__main__:factory",
        factory=True,
        http=DeadlineProtocol,
        ws="none",
        workers=settings.api_workers,
        log_config=None,
        access_log=False,  # RequestLog writes one line per request
        server_header=False,
        proxy_headers=False,  # TRUSTED_PROXIES decides; uvicorn's default trusts localhost
        backlog=BACKLOG,
        timeout_graceful_shutdown=STOP_WITHIN_SECONDS,
    )
    if settings.api_workers > 1:
        Multiprocess(config, sockets=[listening]).run()
    else:
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
