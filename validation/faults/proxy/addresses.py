"""Fault proxies by URL: start one in front of a server, and route a client through it."""

from urllib.parse import urlsplit, urlunsplit

from validation.core.errors import HarnessError, NotProven
from validation.faults.proxy.proxy import FaultProxy


def proxy_to(url: str, host: str = "127.0.0.1") -> FaultProxy:
    """Start a fault proxy that listens at `host`, in front of the server at `redis://…` or `postgresql://…`.

    Raises:
        HarnessError: the URL has no host or port.
        NotProven: `host` is empty.
    """
    if not host:
        raise NotProven("Parts cannot reach a fault proxy: a rootless engine isolates its networks from the host. Try: run podman as root")
    address = urlsplit(url)
    if address.hostname is None or address.port is None:
        raise HarnessError("Cannot start a fault proxy: the server's URL has no host or no port.")
    proxy = FaultProxy((address.hostname, address.port), "redis" if address.scheme.startswith("redis") else "postgres", host)
    proxy.start()
    return proxy


def url_through(url: str, proxy: FaultProxy) -> str:
    """Return the URL that reaches the same server through a proxy."""
    address = urlsplit(url)
    user = address.netloc.rpartition("@")[0]
    return urlunsplit(address._replace(netloc=f"{user}{'@' if user else ''}{proxy.host}:{proxy.port}"))
