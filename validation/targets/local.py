"""The local target: everything on 127.0.0.1, with ports and data of its own, gone afterwards."""

import itertools
import subprocess
import sys
from collections.abc import Mapping

from validation.errors import NotProven, TargetUnavailable
from validation.settings import RunSettings
from validation.targets import cleanup, servers
from validation.targets.base import Api, Server, Target
from validation.targets.process import Child
from validation.targets.reach import check_database, check_http, check_redis
from validation.waiting import eventually

MIGRATE_SECONDS = 60
READY_SECONDS = 20.0


class LocalTarget(Target):
    """Child processes of the harness, and whatever servers of somebody else's it was told to use."""

    def __init__(self, settings: RunSettings, api_port: int | None = None) -> None:
        super().__init__(settings)
        self._api_port = api_port
        self.folder = cleanup.claim(settings.run)
        self._numbers = itertools.count(1)
        self._children: list[Child] = []
        self._redis: Server | None = None
        self._database: Server | None = None
        self._api: Api | None = None
        self._consumer: Child | None = None

    def start(self) -> None:
        """Bring up both servers, then the schema: one after the other, since an interruption would leave a thread behind that goes on."""
        self._redis = self._start_redis()
        self._database = self._start_database()

    def close(self) -> list[str]:
        """End what was started, youngest first, and remove the folder."""
        for child in reversed(self._children):
            child.stop(within=6.0)
        return cleanup.release(self.folder)

    @property
    def redis(self) -> Server:
        """The Redis with the stream."""
        return _started(self._redis)

    @property
    def database(self) -> Server:
        """The PostgreSQL with the votes."""
        return _started(self._database)

    @property
    def api(self) -> Api:
        """The API that voters use."""
        if self._api is None:
            if self.settings.api_url:
                check_http(self.settings.api_url)
                self._api = Api(self.settings.api_url.rstrip("/"))
            else:
                self._api = self._running_api()
        return self._api

    @property
    def consumer(self) -> Child:
        """The consumer that counts the voters' votes."""
        if self._consumer is None:
            consumer = self.new_consumer({})
            consumer.start()
            self._consumer = consumer
        return self._consumer

    def new_api(self, env: Mapping[str, str]) -> Api:
        """Prepare one more API; `env` wins over the target's addresses."""
        env = {"API_PORT": str(servers.free_port())} | dict(env)
        return Api(f"http://127.0.0.1:{env['API_PORT']}", self._python("api", "system.api", env))

    def new_consumer(self, env: Mapping[str, str]) -> Child:
        """Prepare one more consumer; `env` wins over the target's addresses."""
        number = next(self._numbers)
        own = {"CONSUMER_NAME": f"votecheck-{number}", "HEARTBEAT_FILE": str(self.folder / f"beat-{number}")}
        return self._python("consumer", "system.consumer", own | dict(env))

    def _running_api(self) -> Api:
        port = {"API_PORT": str(self._api_port)} if self._api_port else {}
        api = self.new_api({"CORS_ORIGINS": "https://vote.example"} | port)
        api.process.start()
        listening = eventually(
            lambda: check_http(api.url, missing_ok=True), bool, within=READY_SECONDS, never=lambda _: not api.process.alive
        )
        if not listening.held:
            raise TargetUnavailable(
                f"The API did not answer within {READY_SECONDS:.0f} s: {api.process.output().strip()[-300:]}",
                "it cannot start; checkpoint 2.1 shows why",
                "votecheck run --checkpoint 2.1",
            )
        return api

    def _python(self, name: str, module: str, env: Mapping[str, str]) -> Child:
        if self.settings.api_url:
            raise NotProven("The API is somebody else's (--api-url): no part of the system is started beside it.")
        addresses = {"REDIS_URL": self.redis.url, "DATABASE_URL": self.database.url}
        label = f"{name}-{next(self._numbers)}"
        child = Child(label, [sys.executable, "-m", module], self.folder, self.source, addresses | dict(env))
        self._children.append(child)
        return child

    def _start_redis(self) -> Server:
        if self.settings.redis_url:
            check_redis(self.settings.redis_url)
            return Server("Redis", self.settings.redis_url)
        if self.settings.api_url:
            return Server("Redis", "")
        port = servers.free_port()
        return self._own("Redis", servers.valkey(self.folder, port, self.settings.redis_settings), f"redis://127.0.0.1:{port}/0")

    def _start_database(self) -> Server:
        if self.settings.database_url:
            check_database(self.settings.database_url)
            return Server("PostgreSQL", self.settings.database_url)
        if self.settings.api_url:
            return Server("PostgreSQL", "")
        port = servers.free_port()
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        server = self._own("PostgreSQL", servers.postgres(self.folder, port), url)
        migrate = [sys.executable, "-m", "system.db.migrate"]
        done = subprocess.run(  # noqa: S603 - the system's own command
            migrate, cwd=self.source, env={"DATABASE_URL": url, cleanup.MARK: self.settings.run}, capture_output=True, text=True,
            timeout=MIGRATE_SECONDS, check=False,
        )  # fmt: skip
        if done.returncode:
            raise TargetUnavailable(
                f"The migration failed: {(done.stderr or done.stdout).strip()[-400:]}",
                "a fault in system/db/migrations",
                "DATABASE_URL=… python -m system.db.migrate",
            )
        return server

    def _own(self, name: str, child: Child, url: str) -> Server:
        self._children.append(child)
        server = Server(name, url, child)
        server.start()
        return server


def _started(server: Server | None) -> Server:
    if server is None:
        raise TargetUnavailable("The target was not started.")
    return server
