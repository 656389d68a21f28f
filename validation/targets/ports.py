"""Ports and addresses of this machine."""

import socket


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on; the kernel chooses it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_local_address(address: str) -> bool:
    """Return whether this machine can listen at an address."""
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
