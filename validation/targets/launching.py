"""A target that votecheck launches itself: servers, an API and a consumer, all of them removed afterwards."""

import itertools
import subprocess
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from validation.core import inputs, protocol
from validation.core.commands import command
from validation.core.errors import NotProven, TargetUnavailable
from validation.core.settings import RunSettings
from validation.core.waiting import eventually
from validation.targets import cleanup
from validation.targets.base import Api, Server, Target
from validation.targets.ports import free_port
from validation.targets.process import Child
from validation.targets.reachability import check_database, check_http, check_redis

READY_SECONDS = 20.0
MIGRATE_SECONDS = 60.0
REDIS_SETTINGS = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction", "maxmemory": "512mb", "save": ""}
"""Settings of a managed Redis: every write on disk before it is acknowledged, as in the chart."""
POSTGRES_CONNECTIONS_MAX = "60"


class LaunchingTarget(Target):
    """A system that the run starts, except for the external servers named in its settings.

    It can start, stop, freeze and break parts. `LocalTarget` and `ContainersTarget` say what a part is.

    Attributes:
        proxy_host: the address of this machine at which parts can reach a fault proxy; empty if they can reach none.
        starts_fast: whether parts start fast enough for a sweep to crash them at each point in every way.
    """

    proxy_host = "127.0.0.1"
    starts_fast = True

    def __init__(self, settings: RunSettings, api_port: int | None = None) -> None:
        super().__init__(settings)
        self._api_port = api_port
        self.folder = cleanup.claim(settings.run)
        self._numbers = itertools.count(1)
        self._children: list[Child] = []
        self._redis: Server | None = None
        self._database: Server | None = None
        self._api: Api | None = None
        self._api_failure: TargetUnavailable | None = None
        self._consumer: Child | None = None
        self._consumers: list[Child] = []

    @abstractmethod
    def _prepare_redis(self) -> Server:
        """Prepare a managed Redis."""

    @abstractmethod
    def _prepare_database(self) -> Server:
        """Prepare a managed PostgreSQL."""

    @abstractmethod
    def _prepare_migration(self, url: str) -> Child:
        """Prepare the migration of a database."""

    def try_migration(self, url: str) -> tuple[int, str]:
        """Run the migration on a database and return its exit code and output."""
        inputs.note("the migration runs")
        return self._migrate(url)

    @abstractmethod
    def _prepare_part(self, part: str, label: str, env: Mapping[str, str]) -> Child:
        """Prepare an `api` or a `consumer` named `label`."""

    def start(self) -> None:
        """Start both servers, then create the schema. One after the other: an interrupted thread would outlive the run."""
        self._redis = self._start_redis()
        self._database = self._start_database()

    def close(self) -> list[str]:
        """Stop the parts in reverse order of their start, remove the run's folder, and return what could not be removed."""
        for child in reversed(self._children):
            child.stop(within=6.0)
        return cleanup.release(self.folder)

    @property
    def redis(self) -> Server:
        """The Redis that holds the stream."""
        return _started(self._redis)

    @property
    def database(self) -> Server:
        """The PostgreSQL that holds the votes."""
        return _started(self._database)

    @property
    def api(self) -> Api:
        """The API that voters use. One that failed to start is not tried again: each scenario would wait for it."""
        if self._api_failure:
            raise self._api_failure
        if self._api is None:
            if self.settings.api_url:
                check_http(self.settings.api_url)
                self._api = Api(self.settings.api_url.rstrip("/"))
            else:
                self._api = self._running_api()
        return self._api

    @property
    def consumer(self) -> Child:
        """The consumer that counts the voters' votes, started on first access."""
        if self._consumer is None:
            consumer = self.new_consumer({})
            consumer.start()
            self._consumer = consumer
        return self._consumer

    def ensure_consumer(self) -> None:
        """Start the consumer unless it runs."""
        _ = self.consumer

    def require_allowed_origin(self, origin: str) -> None:
        """Do nothing: the API that this target starts allows the origin that the scenarios use."""

    def new_api(self, env: Mapping[str, str]) -> Api:
        """Prepare, but do not start, another API; `env` overrides the target's addresses."""
        env = {"API_PORT": str(free_port())} | dict(env)
        return Api(f"http://127.0.0.1:{env['API_PORT']}", self._new("api", env))

    def new_consumer(self, env: Mapping[str, str]) -> Child:
        """Prepare, but do not start, another consumer; `env` overrides the target's addresses."""
        made = self._new("consumer", {"CONSUMER_NAME": f"votecheck-{next(self._numbers)}"} | dict(env))
        self._consumers.append(made)
        return made

    def consumer_logs(self, stream: str) -> dict[str, list[dict[str, Any]]]:
        """Return what every consumer of a stream has logged so far, by its CONSUMER_NAME."""
        logs: dict[str, list[dict[str, Any]]] = {}
        for child in self._consumers:
            if child.env.get("STREAM_NAME", protocol.STREAM) == stream:
                logs.setdefault(child.env["CONSUMER_NAME"], []).extend(child.events_of_every_start())
        return logs

    def run_in_image(self, part: str, *command: str, within: float) -> subprocess.CompletedProcess[str]:  # noqa: ARG002 - for targets with images
        """Run a command in a fresh container of a part's image; `python` is the image's own interpreter.

        Raises:
            NotProven: this target has no images.
            ProbeError: the engine could not run the command.
        """
        raise NotProven(f"This target runs the {part} without an image. Try: votecheck run --target containers")

    def _new(self, part: str, env: Mapping[str, str]) -> Child:
        if self.settings.api_url:
            raise NotProven("The API is external (--api-url), so votecheck starts no part of the system. Try: omit --api-url")
        addresses = {"REDIS_URL": self.redis.url, "DATABASE_URL": self.database.url}
        inputs.note(inputs.settings(f"python -m system.{part}", env))
        child = self._prepare_part(part, f"{part}-{next(self._numbers)}", addresses | dict(env))
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
            self._api_failure = TargetUnavailable(
                f"The API did not answer within {READY_SECONDS:.0f} s: {api.process.output().strip()[-300:]}",
                "it cannot start; checkpoint 2.1 shows why",
                command("votecheck", "run", "--checkpoint", "2.1", *self.settings.flags),
            )
            raise self._api_failure
        return api

    def _start_redis(self) -> Server:
        if self.settings.redis_url:
            check_redis(self.settings.redis_url)
            return Server("Redis", self.settings.redis_url)
        if self.settings.api_url:
            return Server("Redis", "")
        return self._start(self._prepare_redis())

    def _start_database(self) -> Server:
        if self.settings.database_url:
            check_database(self.settings.database_url)
            return Server("PostgreSQL", self.settings.database_url)
        if self.settings.api_url:
            return Server("PostgreSQL", "")
        server = self._start(self._prepare_database())
        self.migrate(server.url)
        return server

    def migrate(self, url: str) -> None:
        """Create the schema in a database.

        Raises:
            TargetUnavailable: the migration failed.
        """
        code, output = self._migrate(url)
        if code:
            raise TargetUnavailable(
                f"The migration failed: {output.strip()[-400:]}",
                "an error in system/db/migrations",
                "DATABASE_URL=… python -m system.db.migrate",
            )

    def _migrate(self, url: str) -> tuple[int, str]:
        """Create the schema and return the migration's exit code, -1 if it does not end, and its output."""
        migration = self._prepare_migration(url)
        migration.start()
        code = migration.wait(within=MIGRATE_SECONDS).value
        if code is None:
            migration.kill()
        return -1 if code is None else code, migration.output()

    def _start(self, server: Server) -> Server:
        self._children.append(server.require_managed())
        server.start()
        return server


def _started(server: Server | None) -> Server:
    if server is None:
        raise TargetUnavailable("The target was not started.")
    return server
