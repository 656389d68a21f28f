"""The local target: parts and servers are child processes on 127.0.0.1, each with its own port and data folder."""

import sys
from collections.abc import Mapping

from validation.core.settings import RunSettings
from validation.targets.base import Server
from validation.targets.launching import LaunchingTarget
from validation.targets.local import servers
from validation.targets.local.forking import ForkedPart, ForkServer
from validation.targets.ports import free_port
from validation.targets.process import Child


class LocalTarget(LaunchingTarget):
    """Child processes of the harness, run by its own Python interpreter from the source under test."""

    def __init__(self, settings: RunSettings, api_port: int | None = None) -> None:
        super().__init__(settings, api_port)
        self._forks = ForkServer(self.source, self.folder)
        self._started_afresh = set[str]()

    def _prepare_redis(self) -> Server:
        port = free_port()
        return Server("Redis", f"redis://127.0.0.1:{port}/0", servers.valkey(self.folder, port, self.settings.redis_settings))

    def _prepare_database(self) -> Server:
        port = free_port()
        return Server("PostgreSQL", f"postgresql://postgres@127.0.0.1:{port}/postgres", servers.postgres(self.folder, port))

    def _prepare_migration(self, url: str) -> Child:
        return self._prepare_part("db.migrate", f"migrate-{next(self._numbers)}", {"DATABASE_URL": url})

    def _prepare_part(self, part: str, label: str, env: Mapping[str, str]) -> Child:
        own = {"HEARTBEAT_FILE": str(self.folder / f"heartbeat-{label}")} if part == "consumer" else {}
        made = ForkedPart(label, [sys.executable, "-m", f"system.{part}"], self.folder, self.source, own | dict(env))
        made.server = self._forks if part in self._started_afresh else None
        self._started_afresh.add(part)
        return made

    def close(self) -> list[str]:
        """Stop everything, remove the run's folder, and return what could not be removed."""
        left = super().close()
        self._forks.close()
        return left
