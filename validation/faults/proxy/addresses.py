"""Links by address: to put one in front of a server, and to send a client through it."""

from urllib.parse import urlsplit, urlunsplit

from validation.core.errors import HarnessError, NotProven
from validation.faults.proxy.proxy import FaultProxy


def link_to(url: str, host: str = "127.0.0.1") -> FaultProxy:
    """Start a link to the server at `redis://…` or `postgresql://…`, which listens at `host`.

    Raises:
        HarnessError: the address has no host or port.
        NotProven: there is no `host`.
    """
    if not host:
        raise NotProven("The parts cannot reach a link here: an engine without root keeps its networks to itself. Try: run podman as root")
    address = urlsplit(url)
    if address.hostname is None or address.port is None:
        raise HarnessError(f"There can be no link to {url}: it names no host and port.")
    link = FaultProxy((address.hostname, address.port), "redis" if address.scheme.startswith("redis") else "postgres", host)
    link.start()
    return link


def through(url: str, link: FaultProxy) -> str:
    """Give the address that reaches the same through a link."""
    address = urlsplit(url)
    user = address.netloc.rpartition("@")[0]
    return urlunsplit(address._replace(netloc=f"{user}{'@' if user else ''}{link.host}:{link.port}"))
