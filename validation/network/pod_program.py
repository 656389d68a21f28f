"""What runs inside the pods of a run. Only Python's own library, and as text: `python -c TEXT listen 8000 9000`, `python -c TEXT ask`.

`listen` takes connections at TCP ports, and sends back what comes to the same UDP ports. `ask` reads lines of JSON, each a list of
[name, address, port, protocol], tries all of them at once, and writes one line of JSON: the names that answered.
"""

import contextlib
import json
import socket
import struct
import sys
import threading

SECONDS = 0.7
"""How long one try may take: between pods of one cluster it takes milliseconds, and a refused one takes all of it."""
QUESTION = struct.pack(">HHHHHH", 0x5643, 0x0100, 1, 0, 0, 0) + b"\x0akubernetes\x07default\x03svc\x00" + struct.pack(">HH", 1, 1)
"""A question to a DNS server; whatever it answers, it was reached."""


def listen(ports: list[int]) -> None:
    """Take connections until killed."""
    for port in ports:
        threading.Thread(target=_take, args=(socket.create_server(("", port), backlog=64),)).start()
        echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        echo.bind(("", port))
        threading.Thread(target=_echo, args=(echo,)).start()


def _take(server: socket.socket) -> None:
    while True:
        server.accept()[0].close()


def _echo(server: socket.socket) -> None:
    while True:
        server.sendto(*server.recvfrom(512))


def answers(address: str, port: int, protocol: str) -> bool:
    """Tell whether a connection is taken, or a packet is answered. A refusal is one, however it is told."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if protocol == "TCP":
        with contextlib.suppress(OSError), socket.create_connection((address, port), SECONDS):
            return True
        return False
    with socket.socket(family, socket.SOCK_DGRAM) as own:
        own.settimeout(SECONDS / 2)
        for _ in range(2):  # a packet may be lost
            with contextlib.suppress(OSError):
                own.sendto(QUESTION, (address, port))
                return own.recv(512)[:2] == QUESTION[:2]
    return False


def ask(targets: list[tuple[str, str, int, str]]) -> list[str]:
    """Try all targets at once; give the names of those that answered."""
    found: list[str] = []

    def look(name: str, address: str, port: int, protocol: str) -> None:
        if answers(address, port, protocol):
            found.append(name)

    tries = [threading.Thread(target=look, args=target) for target in targets]
    for one in tries:
        one.start()
    for one in tries:
        one.join()
    return sorted(found)


def main(what: str, *words: str) -> None:
    """Do one of the two."""
    if what == "listen":
        listen([int(word) for word in words])
        return
    for line in sys.stdin:
        sys.stdout.write(json.dumps(ask(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
