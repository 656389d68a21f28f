import socket
import threading

import psutil

from validation.core.waiting import eventually
from validation.probes.running.http import HttpProbe


def connecting_to(port: int) -> set[int]:
    """Return the local ports from which this process waits for a connection to `port`."""
    return {
        c.laddr.port
        for c in psutil.Process().net_connections("tcp")
        if c.status == psutil.CONN_SYN_SENT and c.raddr and c.raddr.port == port
    }


def test_a_connection_that_is_not_accepted_is_retried_from_another_port() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, socket.socket() as only, socket.socket() as other:
        port = server.getsockname()[1]
        only.connect(("127.0.0.1", port))  # the accept queue is full now, so further connections get no answer
        other.setblocking(False)
        other.connect_ex(("127.0.0.1", port))
        answers: list[int] = []
        sending = threading.Thread(target=lambda: answers.append(HttpProbe(f"http://127.0.0.1:{port}").send("GET", "/health").status))
        sending.start()
        tried: set[int] = set()
        mine = other.getsockname()[1]
        assert eventually(lambda: tried.update(connecting_to(port) - {mine}) or len(tried), lambda n: n > 1, within=8).held
        while sending.is_alive():
            server.settimeout(8)
            accepted, _ = server.accept()
            accepted.settimeout(0.2)
            with accepted:
                try:
                    if accepted.recv(1000):
                        accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                        sending.join(8)
                except TimeoutError:
                    continue
    assert answers == [200]
