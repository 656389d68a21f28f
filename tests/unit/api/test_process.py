"""`python -m system.api` as a process: startup, configuration errors and shutdown."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from system import API_VERSION
from tests.unit.servers import free_port, postgres

NOTHING = {"REDIS_URL": "redis://127.0.0.1:1", "DATABASE_URL": "postgresql://postgres@127.0.0.1:1/postgres"}
COMMAND = [sys.executable, "-m", "system.api"]


SAYS_WITHIN_SECONDS = 60


def environment(**variables: str) -> dict[str, str]:
    return {**os.environ, **NOTHING, **variables}


@dataclass
class Process:
    child: "subprocess.Popen[str]"
    port: int
    lines: list[dict[str, object]] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def until(self, event: str) -> None:
        assert self.child.stdout is not None
        guard = threading.Timer(SAYS_WITHIN_SECONDS, self.child.kill)  # one that says nothing must fail the test instead of blocking it
        guard.start()
        try:
            for text in self.child.stdout:
                self.lines.append(json.loads(text))
                if self.lines[-1]["event"] == event:
                    return
        finally:
            guard.cancel()
        pytest.fail(f"ended without {event}: {self.lines}")

    def stop(self) -> int:
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(timeout=5)


@contextlib.contextmanager
def started(**variables: str) -> Iterator[Process]:
    port = free_port()
    child = subprocess.Popen(COMMAND, env=environment(API_PORT=str(port), **variables), stdout=subprocess.PIPE, text=True)
    process = Process(child, port)
    try:
        process.until("Application startup complete.")
        yield process
    finally:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()


def test_it_starts_runs_and_stops_without_redis_and_database() -> None:
    with started() as process:
        health, ready = httpx.get(process.url("/health")), httpx.get(process.url("/ready"))
        assert (health.status_code, health.json()) == (200, {"status": "healthy"})
        assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
        assert "server" not in health.headers
        assert httpx.get(process.url("/api/results")).status_code == 503
        assert httpx.head(process.url("/health")).content == b""
        process.child.send_signal(signal.SIGTERM)
        process.until("api_stopped")
        assert process.child.wait(timeout=5) == 0
    named = {str(line["event"]): line for line in process.lines}
    for event in ("api_starting", "api_started"):
        assert (named[event]["host"], named[event]["port"], named[event]["version"]) == ("127.0.0.1", process.port, API_VERSION)


def test_an_open_event_stream_does_not_block_shutdown() -> None:
    with postgres() as database:
        variables = {"DATABASE_URL": database.url}
        subprocess.run([sys.executable, "-m", "system.db.migrate"], env=environment(**variables), check=True, capture_output=True)
        with started(**variables) as process, httpx.stream("GET", process.url("/api/results/stream"), timeout=10) as stream:
            lines = stream.iter_lines()
            assert next(lines).endswith("-0-0")
            began = time.monotonic()
            assert process.stop() == 0
            assert time.monotonic() - began < 3
            assert list(lines)[-2:] == ["retry: 2000", ""]  # the response is complete


def test_several_workers_share_the_port_and_stop_together() -> None:
    with started(API_WORKERS="2") as process:
        process.until("Application startup complete.")
        assert httpx.get(process.url("/health")).status_code == 200
        assert process.stop() == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("API_PORT", "many"), ("REDIS_URL", "http://:pa55@host"), ("CORS_ORIGINS", "*"), ("RATE_LIMIT", "fast"), ("API_HOST", "no host")],
)
def test_an_invalid_variable_exits_with_one_line(name: str, value: str) -> None:
    done = subprocess.run(COMMAND, env=environment(**{name: value}), capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{name}: ")
    assert done.stderr.count("\n") == 1
    assert "pa55" not in done.stderr


def test_a_port_in_use_exits_with_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(COMMAND, env=environment(API_PORT=port), capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("API_PORT: ")
    assert port in done.stderr
    assert done.stderr.count("\n") == 1
