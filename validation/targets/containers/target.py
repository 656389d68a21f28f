"""The containers target: the two images, Redis and PostgreSQL on a private network, confined as in the chart.

The harness reaches them at ports of 127.0.0.1. They reach one another by name, and fault proxies at the network's gateway.
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

from validation.core.environment import built
from validation.core.settings import RunSettings
from validation.images import engines, store
from validation.images.build import build_missing
from validation.images.source import reference
from validation.targets import cleanup
from validation.targets.base import Server
from validation.targets.containers.container import Container, check_engine_result, with_python3
from validation.targets.launching import POSTGRES_CONNECTIONS_MAX, REDIS_SETTINGS, LaunchingTarget
from validation.targets.ports import free_port, is_local_address, is_port
from validation.targets.process import Child
from validation.targets.reachability import answers_as_database

PULL_SECONDS = 300.0
PROCESSES = 200
REDIS_PORT, POSTGRES_PORT = 6379, 5432
PUBLISHED = ("API_PORT", "METRICS_PORT")
"""Variables whose port the harness must reach from the host."""

# Settings go through standard input, as in the chart, to keep the password out of the arguments. SIGXFSZ is ignored: a full disk must be
# an error that Redis handles, not a signal that kills it.
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
    """The containers of one run; all carry its label and are removed afterwards."""

    starts_fast = False

    def __init__(self, settings: RunSettings, api_port: int | None = None) -> None:
        self._engine = engines.answering()
        super().__init__(settings, api_port)
        cleanup.remember_engine(self.folder, self._engine.name)
        self._network = f"votecheck-{settings.run}"
        self._values: dict[str, Any] = yaml.safe_load((self.source / "chart" / "values.yaml").read_text(encoding="utf-8"))
        self._passwords = {name: secrets.token_hex(16) for name in ("redis", "postgres")}
        self._addresses_inside: dict[str, str] = {}

    def start(self) -> None:
        """Pull and build images, create the network, and start the servers and the schema."""
        for part in ("redis", "postgres"):
            if self._engine.ask("image", "inspect", self._server_image(part)).returncode:
                self._engine.run("pull", self._server_image(part), within=PULL_SECONDS)
        build_missing(self._engine, self.source, self.settings.image_tag)
        self._engine.run("network", "create", "--label", f"{cleanup.LABEL}={self.settings.run}", self._network)
        super().start()
        network = json.loads(self._engine.run("network", "inspect", self._network))[0]
        gateway = _gateway(network)
        self.proxy_host = gateway if is_local_address(gateway) else ""
        _pin_address(network.get("network_interface", ""))

    def images(self) -> dict[str, str]:
        """Return the digest of each image that runs here, by its name."""
        names = [*map(self._image, ("api", "consumer")), *map(self._server_image, ("redis", "postgres"))]
        return {name: store.describe(self._engine, name)[0] for name in names}

    def run_in_image(self, part: str, *command: str, within: float) -> subprocess.CompletedProcess[str]:
        """Run a command in a fresh container of a part's image, confined like the part; `python` is the image's own interpreter."""
        program, *arguments = with_python3(command)
        label = f"{cleanup.LABEL}={self.settings.run}"
        options = ["--rm", "--label", label, *self._confined(part), "--entrypoint", program]
        return check_engine_result(self._engine.ask("run", *options, self._image(part), *arguments, within=within), program)

    def _prepare_redis(self) -> Server:
        port = free_port()
        self._addresses_inside[f"127.0.0.1:{port}"] = f"redis:{REDIS_PORT}"
        wanted = REDIS_SETTINGS | dict(setting.split("=", 1) for setting in self.settings.redis_settings)
        script = REDIS.format(settings="\n".join(f"{name} {value or chr(34) * 2}" for name, value in wanted.items()))
        child = self._server("redis", port, REDIS_PORT, "/data", {"REDISCLI_AUTH": self._passwords["redis"]}, ["-c", script], "sh")
        return Server("Redis", f"redis://:{self._passwords['redis']}@127.0.0.1:{port}/0", child)

    def _prepare_database(self) -> Server:
        port = free_port()
        self._addresses_inside[f"127.0.0.1:{port}"] = f"postgres:{POSTGRES_PORT}"
        url = f"postgresql://postgres:{self._passwords['postgres']}@127.0.0.1:{port}/postgres"
        command = ["postgres", "-c", f"max_connections={POSTGRES_CONNECTIONS_MAX}"]
        env = {"POSTGRES_PASSWORD": self._passwords["postgres"]}
        child = self._server("postgres", port, POSTGRES_PORT, "/var/lib/postgresql/data", env, command)
        # The log proves nothing: it says "ready" first for the temporary server that initializes the data folder.
        return Server("PostgreSQL", url, child, ready=lambda _: answers_as_database(url))

    def _prepare_migration(self, url: str) -> Container:
        migration = self._prepare_part("consumer", f"migrate-{next(self._numbers)}", {"DATABASE_URL": url})
        migration.options = [*migration.options, "--entrypoint", "python"]
        migration.command = ["-m", "system.db.migrate"]
        return migration

    def _prepare_part(self, part: str, label: str, env: Mapping[str, str]) -> Container:
        inside = {name: self._from_inside(value) for name, value in env.items()}
        ports = [env[name] for name in PUBLISHED if is_port(env.get(name, ""))]  # anything else is for the part to refuse
        published = [word for port in ports for word in ("--publish", f"127.0.0.1:{port}:{port}")]
        own = {"API_HOST": "0.0.0.0"} if part == "api" else {}  # noqa: S104 - on the private network of the run
        return Container(
            label, [], self.folder, self.folder, own | inside,
            engine=self._engine, image=self._image(part), options=[*self._confined(part), *published],
        )  # fmt: skip

    def _server(  # noqa: PLR0913, PLR0917 - a server is its port, its data and its command
        self, name: str, port: int, inner_port: int, data: str, env: Mapping[str, str], command: list[str], entrypoint: str = ""
    ) -> Child:
        volume = f"{self._network}-{name}"
        self._engine.run("volume", "create", "--label", f"{cleanup.LABEL}={self.settings.run}", volume)
        options = [
            *self._confined(name), "--user", "999:999", "--network-alias", name, "--stop-timeout", "5",
            "--publish", f"127.0.0.1:{port}:{inner_port}", "--volume", f"{volume}:{data}",
            *(["--entrypoint", entrypoint] if entrypoint else []),
        ]  # fmt: skip
        stop = signal.SIGINT if name == "postgres" else signal.SIGTERM  # on SIGTERM PostgreSQL waits for its clients
        return Container(
            name, command, self.folder, self.folder, env, stop_signal=stop, engine=self._engine, image=self._server_image(name),
            options=options, data_inside=data,
        )  # fmt: skip

    def _confined(self, part: str) -> list[str]:
        memory = str(self._values[part]["resources"]["limits"]["memory"]).replace("Mi", "m").replace("Gi", "g")
        restrictions = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--tmpfs", "/tmp:rw,nosuid,nodev"]  # noqa: S108
        if self._engine.name == "podman":
            restrictions.append("--read-only-tmpfs=false")  # podman would mount more writable folders than the chart does
        return [*restrictions, "--memory", memory, "--pids-limit", str(PROCESSES), "--network", self._network]

    def _image(self, part: str) -> str:
        return reference(part, self.settings.image_tag)

    def _server_image(self, part: str) -> str:
        image = self._values["images"][part]
        return f"{image['repository']}:{image['tag']}"

    def _from_inside(self, value: str) -> str:
        for outer, inner in self._addresses_inside.items():
            value = value.replace(outer, inner)
        return value


def _gateway(network: Mapping[str, Any]) -> str:
    subnets = network.get("subnets") or network["IPAM"]["Config"]  # podman's key, then docker's
    return str(subnets[0].get("gateway") or subnets[0]["Gateway"])


def _pin_address(bridge: str) -> None:
    """Pin the hardware address of a bridge, which otherwise changes whenever the container with the lowest address comes or goes.

    After a change, packets of the other containers are lost until their ARP entries expire, 5 s or more. Docker and newer podman versions
    pin it themselves. Rootless engines cannot, and fault proxies can be that slow there.
    """
    address = Path(f"/sys/class/net/{bridge}/address")
    if bridge and address.is_file():
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(  # noqa: S603 - fixed arguments
                ["ip", "link", "set", "dev", bridge, "address", address.read_text(encoding="ascii").strip()],  # noqa: S607 - its path differs by distribution
                env=built(), capture_output=True, timeout=10, check=False,
            )  # fmt: skip
