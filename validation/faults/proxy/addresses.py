"""Fault proxies by URL: start one in front of a server, and route a client through it."""

from urllib.parse import urlsplit, urlunsplit

from validation.core.errors import HarnessError, NotProven
from validation.faults.proxy.pooler import TransactionPooler
from validation.faults.proxy.proxy import FaultProxy
from validation.faults.proxy.traffic import WireProtocol

PROTOCOLS: dict[str, WireProtocol] = {"redis": "redis", "http": "http"}


def proxy_to(url: str, host: str = "127.0.0.1") -> FaultProxy:
    """Start a fault proxy that listens at `host`, in front of the server at `redis://…`, `postgresql://…` or `http://…`.

    Raises:
        HarnessError: the URL has no host or port.
        NotProven: `host` is empty.
    """
    server = server_of(url, host)
    proxy = FaultProxy(server, PROTOCOLS.get(urlsplit(url).scheme, "postgres"), host)
    proxy.start()
    return proxy


def pooler_to(url: str, host: str, *, statements: bool = False, keeps: bool = False) -> TransactionPooler:
    """Start a pooler that listens at `host`, in front of the server at `postgresql://…`; it raises what `proxy_to` raises.

    Args:
        url: the URL of the server.
        host: the address to listen at.
        statements: refuse transactions.
        keeps: keep sessions as they are when their clients have gone.
    """
    pooler = TransactionPooler(server_of(url, host), host, statements=statements, keeps=keeps)
    pooler.start()
    return pooler


def url_through(url: str, proxy: FaultProxy | TransactionPooler) -> str:
    """Return the URL that reaches the same server through a proxy."""
    address = urlsplit(url)
    user = address.netloc.rpartition("@")[0]
    return urlunsplit(address._replace(netloc=f"{user}{'@' if user else ''}{proxy.host}:{proxy.port}"))


def server_of(url: str, host: str) -> tuple[str, int]:
    """Return host and port of the server that a proxy at `host` is put in front of; it raises what `proxy_to` raises."""
    if not host:
        raise NotProven("Parts cannot reach a fault proxy: a rootless engine isolates its networks from the host. Try: run podman as root")
    address = urlsplit(url)
    if address.hostname is None or address.port is None:
        raise HarnessError("Cannot start a fault proxy: the server's URL has no host or no port.")
    return address.hostname, address.port
