"""What targets have in common that start the system themselves: servers, an API, a consumer, all of them gone afterwards."""

import itertools
from abc import abstractmethod
from collections.abc import Mapping

from validation.core.errors import NotProven, TargetUnavailable
from validation.core.settings import RunSettings
from validation.core.waiting import eventually
from validation.targets import cleanup
from validation.targets.base import Api, Server, Target
from validation.targets.local import servers
from validation.targets.local.process import Child
from validation.targets.reachability import check_database, check_http, check_redis

READY_SECONDS = 20.0


class LaunchingTarget(Target):
    """A system that the harness starts, beside whatever servers of somebody else's it was told to use."""

    def __init__(self, settings: RunSettings, api_port: int | None = None) -> None:
        super().__init__(settings)
        self._api_port = api_port
        self.folder = cleanup.claim(settings.run)
        self._numbers = itertools.count(1)
        self._children: list[Child] = []
        self._redis: Server | None = None
        self._database: Server | None = None
        self._api: Api | None = None
        self._no_api: TargetUnavailable | None = None
        self._consumer: Child | None = None

    @abstractmethod
    def _own_redis(self) -> Server:
        """Prepare a Redis of our own."""

    @abstractmethod
    def _own_database(self) -> Server:
        """Prepare a PostgreSQL of our own."""

    @abstractmethod
    def _migrate(self, database: Server) -> tuple[int, str]:
        """Make the schema. Gives the exit code and what was said."""

    @abstractmethod
    def _part(self, part: str, label: str, env: Mapping[str, str]) -> Child:
        """Prepare an `api` or a `consumer`, called `label`."""

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
        """The API that voters use. One that did not come is not waited for again: each scenario would take as long."""
        if self._no_api:
            raise self._no_api
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
        return Api(f"http://127.0.0.1:{env['API_PORT']}", self._new("api", env))

    def new_consumer(self, env: Mapping[str, str]) -> Child:
        """Prepare one more consumer; `env` wins over the target's addresses."""
        return self._new("consumer", {"CONSUMER_NAME": f"votecheck-{next(self._numbers)}"} | dict(env))

    def _new(self, part: str, env: Mapping[str, str]) -> Child:
        if self.settings.api_url:
            raise NotProven("The API is somebody else's (--api-url): no part of the system is started beside it.")
        addresses = {"REDIS_URL": self.redis.url, "DATABASE_URL": self.database.url}
        child = self._part(part, f"{part}-{next(self._numbers)}", addresses | dict(env))
        self._children.append(child)
        return child

    def _running_api(self) -> Api:
        port = {"API_PORT": str(self._api_port)} if self._api_port else {}
        api = self.new_api({"CORS_ORIGINS": "https://vote.example"} | port)
        api.process.start()
        listening = eventually(
            lambda: check_http(api.url, missing_ok=True), bool, within=READY_SECONDS, never=lambda _: not api.process.alive
        )
        if not listening.held:
            self._no_api = TargetUnavailable(
                f"The API did not answer within {READY_SECONDS:.0f} s: {api.process.output().strip()[-300:]}",
                "it cannot start; checkpoint 2.1 shows why",
                "votecheck run --checkpoint 2.1",
            )
            raise self._no_api
        return api

    def _start_redis(self) -> Server:
        if self.settings.redis_url:
            check_redis(self.settings.redis_url)
            return Server("Redis", self.settings.redis_url)
        if self.settings.api_url:
            return Server("Redis", "")
        return self._start(self._own_redis())

    def _start_database(self) -> Server:
        if self.settings.database_url:
            check_database(self.settings.database_url)
            return Server("PostgreSQL", self.settings.database_url)
        if self.settings.api_url:
            return Server("PostgreSQL", "")
        server = self._start(self._own_database())
        code, said = self._migrate(server)
        if code:
            raise TargetUnavailable(
                f"The migration failed: {said.strip()[-400:]}",
                "a fault in system/db/migrations",
                "DATABASE_URL=… python -m system.db.migrate",
            )
        return server

    def _start(self, server: Server) -> Server:
        self._children.append(server.must_be_ours())
        server.start()
        return server


def _started(server: Server | None) -> Server:
    if server is None:
        raise TargetUnavailable("The target was not started.")
    return server
