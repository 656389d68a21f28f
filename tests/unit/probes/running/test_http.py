import socket
import threading

import psutil

from validation.core.waiting import eventually
from validation.probes.running.http import HttpProbe


def connecting_to(port: int) -> set[int]:
    """The ports from which this process has asked for a connection that nobody has answered."""
    return {
        c.laddr.port
        for c in psutil.Process().net_connections("tcp")
        if c.status == psutil.CONN_SYN_SENT and c.raddr and c.raddr.port == port
    }


def test_who_is_not_connected_tries_again_from_another_port() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, socket.socket() as only, socket.socket() as other:
        port = server.getsockname()[1]
        only.connect(("127.0.0.1", port))  # the queue of those who wait to be accepted is full now, and others are not answered
        other.setblocking(False)
        other.connect_ex(("127.0.0.1", port))
        answers: list[int] = []
        asking = threading.Thread(target=lambda: answers.append(HttpProbe(f"http://127.0.0.1:{port}").send("GET", "/health").status))
        asking.start()
        tried: set[int] = set()
        mine = other.getsockname()[1]
        assert eventually(lambda: tried.update(connecting_to(port) - {mine}) or len(tried), lambda n: n > 1, within=8).held
        while asking.is_alive():
            server.settimeout(8)
            accepted, _ = server.accept()
            accepted.settimeout(0.2)
            with accepted:
                try:
                    if accepted.recv(1000):
                        accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                        asking.join(8)
                except TimeoutError:
                    continue
    assert answers == [200]
