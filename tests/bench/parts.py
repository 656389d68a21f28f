"""Starts components of the voting system for the duration of a measurement."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator

import httpx
import psutil
import redis

from tests.bench.load import Load
from tests.unit.servers import free_port
from validation.probes.running.stream import StreamProbe

STARTS_SECONDS = 20.0
DRAINS_SECONDS = 300.0
CONSUMER = [sys.executable, "-m", "system.consumer"]
PLAIN = [sys.executable, "-m", "uvicorn", "tests.bench.plain_api:app", "--no-access-log", "--log-level", "warning", "--port"]
Figures = dict[str, float]


class Wrong(Exception):
    """A wrong result, which makes the measurement invalid."""


@contextlib.contextmanager
def running(command: list[str], env: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a component for the duration of the block."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:  # the default heartbeat file may belong to another user's consumer
        own = {"PATH": os.environ["PATH"], "LOG_LEVEL": "WARNING", "HEARTBEAT_FILE": f"{folder}/heartbeat"}
        child = subprocess.Popen(command, env=own | env, stdout=subprocess.DEVNULL)
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(8)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def until(ready: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for a condition.

    Raises:
        Wrong: it was not met in time.
    """
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise Wrong(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(0.01)


@contextlib.contextmanager
def api(env: dict[str, str], workers: int = 1, *, plain: bool = False) -> Iterator[int]:
    """Run an API and yield its port. One vote checks that it responds."""
    port = free_port()
    command = [*PLAIN, str(port)] if plain else [sys.executable, "-m", "system.api"]

    def answers() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.post(f"http://127.0.0.1:{port}/api/vote", json={"option": "cats"}, timeout=2).status_code == 201
        return False

    with running(command, {**env, "API_PORT": str(port), "API_WORKERS": str(workers)}):
        until(answers, STARTS_SECONDS, "the start of an API")
        yield port


def checked(measured: Load, what: str) -> Load:
    """Return the measurement, or raise if a response was wrong."""
    if measured.bad or not measured.good:
        raise Wrong(f"{what}: {measured.bad} unexpected responses, {measured.good} expected ones")
    return measured


def migrate(env: dict[str, str]) -> None:
    """Create the tables."""
    subprocess.run([sys.executable, "-m", "system.db.migrate"], env=env, check=True, stdout=subprocess.DEVNULL)


def reconcile(env: dict[str, str]) -> None:
    """Raise if the counts do not match the ledger."""
    ran = subprocess.run([sys.executable, "-m", "system.db.reconcile"], env=env, check=False, capture_output=True, text=True)
    if ran.returncode:
        raise Wrong(f"the counts do not match the ledger: {ran.stdout}{ran.stderr}")


def fill(client: redis.Redis, votes: int, identifier: Callable[[], object] = uuid.uuid4) -> None:
    """Add uncounted votes to the stream."""
    for start in range(0, votes, 1000):
        pipe = client.pipeline(transaction=False)
        for number in range(start, min(start + 1000, votes)):
            pipe.xadd("votes", {"option": ("cats", "dogs")[number % 2], "timestamp": 1, "request_id": str(identifier())})
        pipe.execute()


def drain(env: dict[str, str], client: redis.Redis) -> tuple[float, float, float]:
    """Run a consumer until the stream is drained.

    Returns:
        Seconds since the group appeared, seconds since the consumer started, and the consumer's memory in MiB.
    """
    with contextlib.closing(StreamProbe(env["REDIS_URL"])) as stream, running(CONSUMER, env) as child:
        began = time.monotonic()
        until(lambda: bool(client.xinfo_groups("votes")), STARTS_SECONDS, "the start of the consumer")
        started = time.monotonic()
        until(stream.is_drained, DRAINS_SECONDS, "the counting")  # polls every 10 ms, however long it has waited
        ended = time.monotonic()
        return ended - started, ended - began, psutil.Process(child.pid).memory_info().rss / 2**20
