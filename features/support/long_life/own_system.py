"""A system of its own on the servers of the target: an empty database of each, and an API and a consumer that use them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from anyio.from_thread import BlockingPortal

from features.support.api import probe_when_healthy
from features.support.consumers import Running
from validation.core.errors import ProbeError
from validation.core.waiting import eventually
from validation.probes.running.keyspace import Keyspace
from validation.probes.running.own_databases import RedisNumber, new_database, url_of
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.targets.base import Api
from validation.targets.launching import LaunchingTarget
from validation.targets.process import Child

MIGRATE_SECONDS, READY_SECONDS, OK = 60.0, 10.0, 200


@dataclass(frozen=True)
class OwnSystem:
    """Its databases, and how to start its parts.

    Attributes:
        env: the addresses, as variables of its parts.
    """

    env: dict[str, str]
    keys: Keyspace
    stream: StreamProbe
    store: StoreProbe
    target: LaunchingTarget
    started: list[Child] = field(default_factory=list)

    def api(self, **env: str) -> Api:
        """Start an API of this system and wait until it is ready."""
        api = self.target.new_api(self.env | env)
        self.start(api.process)
        probe = probe_when_healthy(api)
        if not eventually(lambda: probe.send("GET", "/ready").status, lambda status: status == OK, within=READY_SECONDS).held:
            raise ProbeError("The API of a system of its own is not ready.", "the migration failed", f"less {api.process.log}")
        return api

    def consumer(self, **env: str) -> Running:
        """Start a consumer of this system with short waits, and create the schema beside it."""
        env = self.env | {"BLOCK_MS": "100", "CLAIM_IDLE_MS": "300"} | env
        running = Running(self.target.new_consumer(env), env)
        self.start(running.child)
        self.migrate(running)
        return running

    def start(self, child: Child) -> None:
        """Start a part, which stops with the scenario."""
        child.start()
        self.started.append(child)

    def migrate(self, running: Running) -> None:
        """Migrate the database, as an upgrade does."""
        done = running.child.ask("python", "-m", "system.db.migrate", within=MIGRATE_SECONDS)
        if done.returncode:
            raise ProbeError(f"The migration of a system of its own failed: {done.stderr.strip()[-300:]}", "checkpoint 1.2 shows why")


@pytest.fixture
def long_lived(
    target: LaunchingTarget,
    portal: BlockingPortal,
) -> Iterator[OwnSystem]:
    """A system of its own; its parts stop and its data goes with the scenario."""
    for server in (target.redis, target.database):
        server.require_managed()
    redis_url = url_of(target.redis.url, RedisNumber.LONG_LIFE)
    with new_database(target.database.url, portal) as database_url, Keyspace(redis_url) as keys:
        stream = StreamProbe(redis_url)
        own = OwnSystem({"REDIS_URL": redis_url, "DATABASE_URL": database_url}, keys, stream, StoreProbe(database_url, portal), target)
        yield own
        for child in own.started:  # before its data goes, or a consumer would create its group again
            child.stop()
        stream.close()
