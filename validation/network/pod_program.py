"""The program inside probe pods, passed as text: `python -c TEXT listen 8000 9000` or `python -c TEXT try`. Standard library only.

`listen` accepts connections at TCP ports, and echoes packets at the same UDP ports. `try` reads lines of JSON, each a list of
[name, address, port, protocol], tries all of them at once, and writes one line of JSON: the names that answered.
"""

import contextlib
import json
import socket
import struct
import sys
import threading

SECONDS = 0.7
"""Time-out of one try. Between pods of a cluster a connection takes milliseconds; a denied one takes all of it."""
QUERY = struct.pack(">HHHHHH", 0x5643, 0x0100, 1, 0, 0, 0) + b"\x0akubernetes\x07default\x03svc\x00" + struct.pack(">HH", 1, 1)
"""A DNS query; any answer shows that the server was reached."""


def listen(ports: list[int]) -> None:
    """Accept connections until killed."""
    for port in ports:
        threading.Thread(target=_accept, args=(socket.create_server(("", port), backlog=64),)).start()
        echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        echo.bind(("", port))
        threading.Thread(target=_echo, args=(echo,)).start()


def _accept(server: socket.socket) -> None:
    while True:
        server.accept()[0].close()


def _echo(server: socket.socket) -> None:
    while True:
        server.sendto(*server.recvfrom(512))


def reachable(address: str, port: int, protocol: str) -> bool:
    """Return whether a TCP connection is accepted, or a UDP packet answered. A reset counts as denied, like a time-out."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if protocol == "TCP":
        with contextlib.suppress(OSError), socket.create_connection((address, port), SECONDS):
            return True
        return False
    with socket.socket(family, socket.SOCK_DGRAM) as own:
        own.settimeout(SECONDS / 2)
        for _ in range(2):  # a packet may be lost
            with contextlib.suppress(OSError):
                own.sendto(QUERY, (address, port))
                return own.recv(512)[:2] == QUERY[:2]
    return False


def try_all(targets: list[tuple[str, str, int, str]]) -> list[str]:
    """Try all targets at once, and return the names of those that answered."""
    found: list[str] = []

    def attempt(name: str, address: str, port: int, protocol: str) -> None:
        if reachable(address, port, protocol):
            found.append(name)

    tries = [threading.Thread(target=attempt, args=target) for target in targets]
    for one in tries:
        one.start()
    for one in tries:
        one.join()
    return sorted(found)


def main(command: str, *ports: str) -> None:
    """Run `listen` or `try`."""
    if command == "listen":
        listen([int(port) for port in ports])
        return
    for line in sys.stdin:
        sys.stdout.write(json.dumps(try_all(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
