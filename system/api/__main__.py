"""`python -m system.api`: wires settings, Redis, the database and the server."""

import gc
import signal
import socket
import sys

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.supervisors import Multiprocess

from system import API_VERSION
from system.api.app import create_app
from system.api.connections import PatientProtocol
from system.api.events import ApiEvent
from system.api.results import READ_DEADLINE_SECONDS
from system.api.stream import VoteStream
from system.db.store import Store
from system.errors import SettingsInvalid
from system.logs import configure, logger
from system.settings import ApiSettings

BACKLOG = 2048
UNREAD_BYTES = 32 * 1024
"""What the kernel holds for a client that does not read, twice with its own records; left to itself it takes 4 MB for each."""
STOP_WITHIN_SECONDS = 2
"""A vote that has arrived is answered by then; whoever is still sending is cut off."""


def factory() -> ASGIApp:
    """Build a worker's application. The database's pool belongs to the event loop, so it is made at its first call."""
    settings = ApiSettings.read()
    configure(settings.log_level)
    app: ASGIApp | None = None

    async def worker(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal app
        if app is None:  # the server's lifespan call, before any request
            store = await Store.connect(settings.database_url, command_timeout=READ_DEADLINE_SECONDS)
            app = create_app(settings, VoteStream.at(settings.redis_url, settings.idempotency_ttl), store)
            # What was built now lives as long as the process. Left among the young, each full collection walks through all of it:
            # 30 ms in which no vote is answered, the whole of the 99th percentile.
            gc.collect()
            gc.freeze()
        await app(scope, receive, send)

    return worker


def listen(host: str, port: int) -> socket.socket:
    """Take the port before anything else is started.

    Raises:
        SettingsInvalid: it cannot be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except socket.gaierror as unknown:
        raise SettingsInvalid(f"API_HOST: {host} is not an address of this machine ({unknown.strerror})") from None
    except OSError as refused:
        raise SettingsInvalid(f"API_PORT: cannot listen on {host} port {port} ({refused.strerror})") from None
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD_BYTES)  # each connection inherits it
    return listening


def main() -> None:
    """Serve until SIGTERM or SIGINT; then exit 0."""
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
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises the signal again when it is done with it
        signal.signal(number, lambda *_: sys.exit(0))
    config = uvicorn.Config(
        "system.api.__main__:factory",
        factory=True,
        http=PatientProtocol,
        ws="none",
        workers=settings.api_workers,
        log_config=None,
        access_log=False,  # the application writes its own line
        server_header=False,
        proxy_headers=False,  # TRUSTED_PROXIES says whom to believe; uvicorn's default believes this machine
        backlog=BACKLOG,
        timeout_graceful_shutdown=STOP_WITHIN_SECONDS,
    )
    if settings.api_workers > 1:
        Multiprocess(config, sockets=[listening]).run()
    else:
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
