"""Ports and addresses of this machine."""

import socket

PORT_LAST = 65_535


def free_port() -> int:
    """Return a port that nothing holds at any IPv4 address of this machine, so that a part can listen at all of them.

    The kernel chooses it. Clients at other loopback addresses hold ports too, for a minute longer than their connections last.
    """
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def is_port(text: str) -> bool:
    """Return whether a text is a number that a port can have."""
    return text.isdecimal() and 0 < int(text) <= PORT_LAST


def is_local_address(address: str) -> bool:
    """Return whether this machine can listen at an address."""
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
