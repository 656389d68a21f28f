"""API and consumer become ready on an empty database: Helm may wait for them before it runs the migration."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.unit import servers
from validation.core.waiting import eventually

SECONDS = 30
PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    with servers.valkey() as redis, servers.postgres() as postgres:
        yield {"REDIS_URL": redis.url, "DATABASE_URL": postgres.url}


@pytest.fixture
def start(urls: dict[str, str]) -> Iterator[Callable[..., dict[str, str]]]:
    with ExitStack() as running:

        def begin(module: str, **variables: str) -> dict[str, str]:
            own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/", **urls, **variables}
            process = subprocess.Popen([sys.executable, "-m", module], env=own, cwd="/", stdout=subprocess.DEVNULL)
            running.callback(process.wait, 20)
            running.callback(process.terminate)
            return own

        yield begin


def responds(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}", timeout=3) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_the_api_is_ready(start: Callable[..., dict[str, str]]) -> None:
    port = servers.free_port()
    start("system.api", API_PORT=str(port))
    assert eventually(lambda: responds(f"127.0.0.1:{port}/ready"), bool, within=SECONDS).held


def test_the_consumer_is_alive(start: Callable[..., dict[str, str]], tmp_path: Path) -> None:
    own = start("system.consumer", HEARTBEAT_FILE=str(tmp_path / "heartbeat"))
    probe = [sys.executable, "-m", "system.consumer.heartbeat"]
    alive = eventually(
        lambda: subprocess.run(probe, env=own, cwd="/", check=False, capture_output=True).returncode, lambda code: code == 0, within=SECONDS
    )
    assert alive.held
