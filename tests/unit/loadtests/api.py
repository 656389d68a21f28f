"""A fake voting API with configurable responses that records its requests, and helpers to run Locust as a process."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from uuid import NAMESPACE_URL, uuid5

import psutil

PROJECT = Path(__file__).parents[3]
LOCUSTFILE, SHAPES = "loadtests/locustfile.py", "loadtests/shapes.py"
PRECISE = {**os.environ, "GEVENT_BACKEND": "select"}
Answer = tuple[int, dict[str, object]]


def vote_id(key: str) -> str:
    return str(uuid5(NAMESPACE_URL, key))


def accepted(key: str, option: str) -> Answer:
    return 201, {"message": "Vote accepted", "option": option, "stream_id": "1-1", "vote_id": vote_id(key)}


@dataclass
class Api:
    url: str
    answer: Callable[[str, str], Answer] = accepted
    votes: list[tuple[str, str]] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    looks: int = 0

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.votes]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    api: ClassVar[Api]

    def do_GET(self) -> None:
        self.api.looks += 1
        self.send(200, {"results": [], "total_votes": 0} if self.path == "/api/results" else {})

    def do_POST(self) -> None:
        assert (self.path, self.headers["Content-Type"]) == ("/api/vote", "application/json")
        option = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["option"]
        self.api.moments.append(time.time())
        self.api.votes.append((self.headers["Idempotency-Key"], option))
        self.send(*self.api.answer(self.headers["Idempotency-Key"], option))

    def send(self, status: int, body: dict[str, object]) -> None:
        content = json.dumps(body).encode()
        with contextlib.suppress(ConnectionError):  # an impatient user has disconnected
            self.wfile.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(content), content))

    def log_message(self, *_: Any) -> None: ...


@contextlib.contextmanager
def served(answer: Callable[[str, str], Answer] = accepted) -> Iterator[Api]:
    handler = type("OneHandler", (Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        api = handler.api = Api(f"http://127.0.0.1:{server.server_address[1]}", answer)
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield api
        finally:
            server.shutdown()
            serving.join()


def command(*arguments: str, files: str = LOCUSTFILE) -> list[str]:
    return [sys.executable, "-m", "locust", "-f", files, "--loglevel", "WARNING", *arguments]


def locust(*arguments: str, files: str = LOCUSTFILE) -> "subprocess.CompletedProcess[str]":
    """Run headless Locust until it exits."""
    return subprocess.run(
        [*command(*arguments, files=files), "--headless", "--only-summary"],
        cwd=PROJECT, env=PRECISE, capture_output=True, text=True, timeout=40, check=False,
    )  # fmt: skip


def lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
