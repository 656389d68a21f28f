"""Clients whose every trait is unique, so that any trace of them can be found."""

import base64
import hashlib
import ipaddress
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote

NETWORKS = ("198.18.", "2001:db8:")
AROUND = 60


@dataclass(frozen=True, slots=True)
class MarkedClient:
    """A client and its traits. The mark is in each of them; the address is the only one of its network."""

    mark: str
    number: int

    @property
    def address(self) -> str:
        """Its address, as a trusted proxy reports it."""
        high, low = divmod(self.number, 250)
        return f"2001:db8:{self.number:x}::{self.number:x}" if self.number % 5 == 0 else f"198.18.{100 + high}.{low + 1}"

    @property
    def key(self) -> str:
        """Its Idempotency-Key."""
        return f"{self.mark}-key-{self.number}"

    @property
    def request_id(self) -> str:
        """Its X-Request-ID: the only trait that may be written, and only to the log."""
        return f"{self.mark[::-1]}-{self.number}"

    @property
    def headers(self) -> dict[str, str]:
        """Headers that would identify it."""
        return {
            "X-Forwarded-For": self.address,
            "X-Real-IP": self.address,
            "Forwarded": f"for={self.mark}-forwarded",
            "User-Agent": f"{self.mark}-agent-{self.number}",
            "Referer": f"https://vote.example/{self.mark}-page",
            "Cookie": f"session={self.mark}-cookie-{self.number}",
            "Authorization": f"Bearer {self.mark}-bearer-{self.number}",
            "Accept-Language": f"x-{self.mark}",
            "tracestate": f"{self.mark}={self.mark}-state-{self.number}",
            "baggage": f"voter={self.mark}-baggage-{self.number}",
            "X-Request-ID": self.request_id,
            "Idempotency-Key": self.key,
        }

    @property
    def path(self) -> str:
        """The path of a vote with a mark in its query."""
        return f"/api/vote?voter={self.mark}-query-{self.number}"


@cache
def forms(client: MarkedClient) -> tuple[bytes, ...]:
    """Return what the address and key of a client are written as when they are not written in clear."""
    return tuple(_forms(client))


def _forms(client: MarkedClient) -> Iterator[bytes]:
    for value in (client.address, client.key, f"{client.mark}-agent-{client.number}"):
        raw = value.encode()
        yield from (raw.hex().encode(), base64.b64encode(raw).rstrip(b"="), base64.urlsafe_b64encode(raw).rstrip(b"="))
        for name in ("md5", "sha1", "sha256", "sha512", "blake2b", "blake2s"):
            digest = hashlib.new(name, raw, usedforsecurity=False)
            yield digest.hexdigest()[:12].encode()
            yield base64.b64encode(digest.digest())[:12]
    yield str(int(ipaddress.ip_address(client.address))).encode()
    yield quote(client.address, safe="").encode()


def new_mark() -> str:
    """Return a mark that occurs nowhere by chance."""
    return f"m{secrets.token_hex(6)}z"


def traces(data: bytes, clients: Iterable[MarkedClient]) -> list[str]:
    """Return where bytes contain a trait of a client, with what stands around it."""
    clients = list(clients)
    lower = data.lower()
    marks = {client.mark.encode() for client in clients} | {network.encode() for network in NETWORKS}
    found = [needle for needle in marks if needle in lower]
    found += [form for client in clients for form in forms(client) if form in data]
    return [_around(data, lower, needle) for needle in found]


def _around(data: bytes, lower: bytes, needle: bytes) -> str:
    place = data.find(needle) if needle in data else lower.find(needle)
    text = data[max(place - AROUND, 0) : place + len(needle) + AROUND].decode(errors="replace")
    return re.sub(r"\s+", " ", text)
