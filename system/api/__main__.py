"""`python -m system.api`: wire settings, Redis, the database and the server, then serve."""

from system.stopping import exit_on_signals

if __name__ in {"__main__", "__mp_main__"}:
    exit_on_signals(0)

import errno
import gc
import signal
import socket
import sys

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import STARTUP_FAILURE
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
from system.output import make_safe
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
            app = create_app(
                settings, VoteStream.at(settings.redis_url, settings.idempotency_ttl, durable=settings.redis_durability == "checked"), store
            )
            if settings.traces_url:
                app = traced(app, settings)
            # Everything built so far lives as long as the process. Unless frozen, each full collection scans all of it: 30 ms in
            # which no vote is answered, which accounts for the entire 99th percentile.
            gc.collect()
            gc.freeze()
        await app(scope, receive, send)

    return worker


def traced(app: ASGIApp, settings: ApiSettings) -> ASGIApp:
    """Wrap an application so that it traces votes."""
    from system.api.tracing import TracedVotes  # noqa: PLC0415 - it loads libraries that most installations do not need
    from system.tracing import Tracing  # noqa: PLC0415 - likewise

    return TracedVotes(app, Tracing(settings, "voting-api", API_VERSION))


def listen(host: str, port: int) -> list[socket.socket]:
    """Bind the port on every address of the host before anything else starts. `::` stands for all addresses of both families.

    Raises:
        SettingsInvalid: no address is available, or one is in use.
    """
    both_families = host == "::" and socket.has_dualstack_ipv6()
    try:  # without IPv6, all addresses are those of IPv4
        where = "0.0.0.0" if host == "::" and not both_families else host  # noqa: S104 - what `::` asks for
        found = socket.getaddrinfo(where, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise SettingsInvalid(f"API_HOST: {host!r:.80} is not an address of this machine") from None
    addresses = dict.fromkeys((family, address) for family, _, _, _, address in found)
    listening, missing = [], ""
    for family, address in addresses:
        try:
            listening.append(_bound(family, address, both_families=both_families))  # type: ignore[arg-type] # a host and a port, whatever the family
        except OSError as refused:  # a name may also have an address of a family that this machine does not use
            if refused.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                raise SettingsInvalid(f"API_PORT: cannot listen on {host} port {port} ({refused.strerror})") from None
            missing = refused.strerror or ""
    if not listening:
        raise SettingsInvalid(f"API_HOST: cannot listen on {host} ({missing})")
    return listening


def _bound(family: int, address: tuple[str, int], *, both_families: bool) -> socket.socket:
    listening = socket.create_server(address, family=family, backlog=BACKLOG, dualstack_ipv6=both_families)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)  # accepted connections inherit it
    return listening


def leave(*_: object) -> None:
    """Exit with code 0, whatever other signals arrive: Python restores their default actions before the process ends."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(0)


def main() -> None:
    """Serve until SIGTERM or SIGINT, then exit with code 0."""
    make_safe()
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
        signal.signal(number, leave)
    config = uvicorn.Config(
        "system.api.__main__:factory",
        factory=True,
        http=DeadlineProtocol,
        lifespan="on",  # an application that cannot start must end the process, not answer every request with 500
        ws="none",
        workers=settings.api_workers,
        log_config=None,
        access_log=False,  # RequestLog writes one line per request
        server_header=False,
        proxy_headers=False,  # TRUSTED_PROXIES decides; uvicorn's default trusts localhost
        backlog=BACKLOG,
        timeout_keep_alive=settings.api_keep_alive,
        timeout_graceful_shutdown=STOP_WITHIN_SECONDS,
    )
    if settings.api_workers > 1:
        workers = Multiprocess(config, sockets=listening)
        workers.run()
        if any(worker.exitcode == STARTUP_FAILURE for worker in workers.processes):
            sys.exit(STARTUP_FAILURE)  # the supervisor stops, but does not tell
    else:
        uvicorn.Server(config).run(sockets=listening)


if __name__ == "__main__":
    main()
