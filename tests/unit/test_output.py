"""API, consumer and commands work although their output is closed, full or unread."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis as redis_client

from tests.unit.servers import Server, free_port, postgres, valkey
from validation.core.waiting import eventually

OUTPUTS = [">/dev/full 2>&1", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full 2>&-", "2>&1 | head -c 1 >/dev/null"]
pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    with valkey() as redis, postgres() as database:
        subprocess.run([sys.executable, "-m", "system.db.migrate"], env=os.environ | {"DATABASE_URL": database.url}, check=True)
        yield redis, database


def start(module: str, output: str, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    line = f'exec "{sys.executable}" -m {module} {output}' if "|" not in output else f'"{sys.executable}" -m {module} {output}'
    return subprocess.Popen(["/bin/sh", "-c", line], env=os.environ | environment, start_new_session=True)


@pytest.mark.parametrize("output", OUTPUTS)
def test_votes_are_accepted_and_counted_whatever_happens_to_the_logs(output: str, servers: tuple[Server, Server], tmp_path: Path) -> None:
    redis, database = servers
    port = free_port()
    settings = {"REDIS_URL": redis.url, "DATABASE_URL": database.url, "API_PORT": str(port), "LOG_LEVEL": "DEBUG",
                "HEARTBEAT_FILE": str(tmp_path / "heartbeat")}  # fmt: skip
    parts = [start("system.api", output, settings), start("system.consumer", output, settings)]
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=httpx.HTTPTransport(retries=8)) as client:
            statuses = [client.post("/api/vote", json={"option": "cats"}).status_code for _ in range(30)]
        assert statuses == [201] * 30
        with redis_client.Redis.from_url(redis.url) as stream:
            drained = eventually(
                lambda: stream.xinfo_groups("votes"),
                lambda groups: bool(groups) and not groups[0]["lag"] and not groups[0]["pending"],
                within=20,
            )
            assert drained.held, drained.story
        assert [part.poll() for part in parts] == [None, None]
    finally:
        for part in parts:
            os.killpg(part.pid, signal.SIGTERM)
        codes = [part.wait(10) for part in parts]
    if "|" not in output:
        assert codes == [0, 0]


@pytest.mark.parametrize("output", OUTPUTS[:2])
@pytest.mark.parametrize(
    ("module", "url", "code"),
    [
        ("system.db.migrate", "", 0),
        ("system.db.migrate", "postgresql://127.0.0.1:1/x", 1),
        ("system.db.migrate", "nonsense", 2),
        ("system.db.reconcile", "", 0),
        ("system.db.reconcile", "postgresql://127.0.0.1:1/x", 2),
        ("system.db.reconcile", "nonsense", 2),
        ("system.api", "nonsense", 2),
        ("system.consumer", "nonsense", 2),
    ],
)
def test_exit_codes_do_not_depend_on_the_output(module: str, url: str, code: int, output: str, servers: tuple[Server, Server]) -> None:
    assert start(module, output, {"DATABASE_URL": url or servers[1].url}).wait(30) == code
