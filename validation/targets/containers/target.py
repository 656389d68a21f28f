"""The containers target: the two images, a Redis and a PostgreSQL, on a network of their own, confined as the chart confines them.

The harness reaches them at ports of 127.0.0.1; they reach one another by name, and the harness's links at the network's gateway.
"""

import contextlib
import json
import secrets
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from validation.core.settings import RunSettings
from validation.images import engines
from validation.images.build import build_missing
from validation.images.source import reference
from validation.targets import cleanup
from validation.targets.base import Server
from validation.targets.containers.container import Container, carried_out, in_words_of_images
from validation.targets.launching import LaunchingTarget
from validation.targets.local import servers
from validation.targets.local.process import Child
from validation.targets.reachability import answers_as_database

PULL_SECONDS = 300.0
MIGRATE_SECONDS = 60.0
PROCESSES = 200
REDIS_PORT, POSTGRES_PORT = 6379, 5432
PUBLISHED = ("API_PORT", "METRICS_PORT")
"""Variables that name a port which the harness wants to reach."""

# The settings come by standard input, as in the chart: the password is in no argument. A full disk is an error, and no death by signal.
REDIS = """trap '' XFSZ
exec redis-server - <<END
bind 0.0.0.0
port 6379
dir /data
requirepass $REDISCLI_AUTH
{settings}
END
"""


class ContainersTarget(LaunchingTarget):
    """Containers of one run, found by its label and gone afterwards."""

    starts_fast = False

    def __init__(self, settings: RunSettings, api_port: int | None = None) -> None:
        self._engine = engines.answering()
        super().__init__(settings, api_port)
        cleanup.remember_engine(self.folder, self._engine.name)
        self._network = f"votecheck-{settings.run}"
        self._values: dict[str, Any] = yaml.safe_load((self.source / "chart" / "values.yaml").read_text(encoding="utf-8"))
        self._passwords = {name: secrets.token_hex(16) for name in ("redis", "postgres")}
        self._inner: dict[str, str] = {}

    def start(self) -> None:
        """Get the images, make the network, and bring up the servers and the schema."""
        for part in ("redis", "postgres"):
            if self._engine.ask("image", "inspect", self._server_image(part)).returncode:
                self._engine.run("pull", self._server_image(part), within=PULL_SECONDS)
        build_missing(self._engine, self.source, self.settings.image_tag)
        self._engine.run("network", "create", "--label", f"{cleanup.LABEL}={self.settings.run}", self._network)
        super().start()
        told = json.loads(self._engine.run("network", "inspect", self._network))[0]
        gateway = _gateway(told)
        self.links_host = gateway if servers.is_ours(gateway) else ""
        _pin(told.get("network_interface", ""))

    def in_image(self, part: str, *command: str, within: float) -> subprocess.CompletedProcess[str]:
        """Run a command in a fresh container of a part's image, confined as the part is; `python` is the image's own."""
        program, *arguments = in_words_of_images(command)
        label = f"{cleanup.LABEL}={self.settings.run}"
        options = ["--rm", "--label", label, *self._confined(part), "--entrypoint", program]
        return carried_out(self._engine.ask("run", *options, self._image(part), *arguments, within=within), program)

    def _own_redis(self) -> Server:
        port = servers.free_port()
        self._inner[f"127.0.0.1:{port}"] = f"redis:{REDIS_PORT}"
        wanted = servers.VALKEY_SETTINGS | dict(setting.split("=", 1) for setting in self.settings.redis_settings)
        script = REDIS.format(settings="\n".join(f"{name} {value or chr(34) * 2}" for name, value in wanted.items()))
        child = self._server("redis", port, REDIS_PORT, "/data", {"REDISCLI_AUTH": self._passwords["redis"]}, ["-c", script], "sh")
        return Server("Redis", f"redis://:{self._passwords['redis']}@127.0.0.1:{port}/0", child)

    def _own_database(self) -> Server:
        port = servers.free_port()
        self._inner[f"127.0.0.1:{port}"] = f"postgres:{POSTGRES_PORT}"
        url = f"postgresql://postgres:{self._passwords['postgres']}@127.0.0.1:{port}/postgres"
        command = ["postgres", "-c", f"max_connections={servers.POSTGRES_SETTINGS['max_connections']}"]
        env = {"POSTGRES_PASSWORD": self._passwords["postgres"]}
        child = self._server("postgres", port, POSTGRES_PORT, "/var/lib/postgresql/data", env, command)
        # Its log says that it is ready twice: first of a server that only makes the data folder.
        return Server("PostgreSQL", url, child, ready=lambda _: answers_as_database(url))

    def _migrate(self, database: Server) -> tuple[int, str]:
        migrate = self._part("consumer", "migrate", {"DATABASE_URL": database.url})
        migrate.options = [*migrate.options, "--entrypoint", "python"]
        migrate.command = ["-m", "system.db.migrate"]
        migrate.start()
        ended = migrate.wait(within=MIGRATE_SECONDS)
        migrate.kill()
        return -1 if ended.value is None else ended.value, migrate.output()

    def _part(self, part: str, label: str, env: Mapping[str, str]) -> Container:
        inside = {name: self._from_inside(value) for name, value in env.items()}
        published = [word for name in PUBLISHED if name in env for word in ("--publish", f"127.0.0.1:{env[name]}:{env[name]}")]
        own = {"API_HOST": "0.0.0.0"} if part == "api" else {}  # noqa: S104 - of its own network
        return Container(
            label, [], self.folder, self.folder, own | inside,
            engine=self._engine, image=self._image(part), options=[*self._confined(part), *published],
        )  # fmt: skip

    def _server(  # noqa: PLR0913, PLR0917 - where it listens, where it stores, what it is told
        self, name: str, port: int, inner_port: int, data: str, env: Mapping[str, str], command: list[str], entrypoint: str = ""
    ) -> Child:
        volume = f"{self._network}-{name}"
        self._engine.run("volume", "create", "--label", f"{cleanup.LABEL}={self.settings.run}", volume)
        options = [
            *self._confined(name), "--user", "999:999", "--network-alias", name, "--stop-timeout", "5",
            "--publish", f"127.0.0.1:{port}:{inner_port}", "--volume", f"{volume}:{data}",
            *(["--entrypoint", entrypoint] if entrypoint else []),
        ]  # fmt: skip
        stop = signal.SIGINT if name == "postgres" else signal.SIGTERM  # SIGTERM would have PostgreSQL wait for its clients
        return Container(
            name, command, self.folder, self.folder, env, stop_signal=stop, engine=self._engine, image=self._server_image(name),
            options=options, data_inside=data,
        )  # fmt: skip

    def _confined(self, part: str) -> list[str]:
        memory = str(self._values[part]["resources"]["limits"]["memory"]).replace("Mi", "m").replace("Gi", "g")
        restrictions = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--tmpfs", "/tmp:rw,nosuid,nodev"]  # noqa: S108
        if self._engine.name == "podman":
            restrictions.append("--read-only-tmpfs=false")  # it would mount more writable folders than the chart does
        return [*restrictions, "--memory", memory, "--pids-limit", str(PROCESSES), "--network", self._network]

    def _image(self, part: str) -> str:
        return reference(part, self.settings.image_tag)

    def _server_image(self, part: str) -> str:
        image = self._values["images"][part]
        return f"{image['repository']}:{image['tag']}"

    def _from_inside(self, value: str) -> str:
        for outer, inner in self._inner.items():
            value = value.replace(outer, inner)
        return value


def _gateway(network: Mapping[str, Any]) -> str:
    ways = network.get("subnets") or network["IPAM"]["Config"]  # podman's words, and docker's
    return str(ways[0].get("gateway") or ways[0]["Gateway"])


def _pin(bridge: str) -> None:
    """Have a bridge keep its hardware address: it would take another whenever the container with the lowest one comes or goes.

    The other containers then send into the void until they have asked again, 5 s and more. Docker and later podmans do this themselves.
    Where it is not allowed (rootless, and there the bridge is not even visible) the links of a sweep can be that slow.
    """
    address = Path(f"/sys/class/net/{bridge}/address")
    if bridge and address.is_file():
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(  # noqa: S603 - the words are ours
                ["ip", "link", "set", "dev", bridge, "address", address.read_text(encoding="ascii").strip()],  # noqa: S607 - where it is differs
                capture_output=True, timeout=10, check=False,
            )  # fmt: skip
