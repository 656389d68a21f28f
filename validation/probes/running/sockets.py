"""The sockets of a process and its children, as the kernel shows them."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psutil

LOOPBACK_IPV6 = "::1"


def listening_ports(pid: int) -> list[int]:
    """Return the TCP ports on which a process or one of its children listens."""
    return sorted({found.laddr.port for _, found in _sockets(pid) if found.status == psutil.CONN_LISTEN})


def serving_processes(pid: int, port: int) -> set[int]:
    """Return the ids of those among a process and its children that hold a connection of a client to a port."""
    return {owner for owner, found in _sockets(pid) if found.status == psutil.CONN_ESTABLISHED and found.laddr.port == port}


def has_ipv6() -> bool:
    """Return whether this machine has the IPv6 address of itself."""
    if not socket.has_ipv6:
        return False
    with suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind((LOOPBACK_IPV6, 0))
        return True
    return False


def _sockets(pid: int) -> Iterator[tuple[int, Any]]:
    with suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with suppress(psutil.Error):
                yield from ((process.pid, found) for found in process.net_connections("tcp"))
