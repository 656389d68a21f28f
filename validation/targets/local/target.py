"""The local target: everything a process on 127.0.0.1, with ports and data of its own."""

import subprocess
import sys
from collections.abc import Mapping

from validation.targets import cleanup
from validation.targets.base import Server
from validation.targets.launching import LaunchingTarget
from validation.targets.local import servers
from validation.targets.local.process import Child

MIGRATE_SECONDS = 60


class LocalTarget(LaunchingTarget):
    """Child processes of the harness, run by its own Python from the source that is judged."""

    def _own_redis(self) -> Server:
        port = servers.free_port()
        return Server("Redis", f"redis://127.0.0.1:{port}/0", servers.valkey(self.folder, port, self.settings.redis_settings))

    def _own_database(self) -> Server:
        port = servers.free_port()
        return Server("PostgreSQL", f"postgresql://postgres@127.0.0.1:{port}/postgres", servers.postgres(self.folder, port))

    def _migrate(self, database: Server) -> tuple[int, str]:
        env = {"DATABASE_URL": database.url, cleanup.MARK: self.settings.run}
        done = subprocess.run(
            [sys.executable, "-m", "system.db.migrate"], cwd=self.source, env=env, capture_output=True, text=True,
            timeout=MIGRATE_SECONDS, check=False,
        )  # fmt: skip
        return done.returncode, done.stderr or done.stdout

    def _part(self, part: str, label: str, env: Mapping[str, str]) -> Child:
        own = {"HEARTBEAT_FILE": str(self.folder / f"beat-{label}")} if part == "consumer" else {}
        return Child(label, [sys.executable, "-m", f"system.{part}"], self.folder, self.source, own | dict(env))
