"""The settings of one run, and the targets it can choose from."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from validation.core.errors import UsageError

PROJECT = Path(__file__).resolve().parents[2]
FIDELITIES = ("files", "local", "image", "cluster")
"""What a checkpoint may need, from lowest to highest."""

TARGETS = {
    "local": frozenset({"files", "local"}),
    "containers": frozenset({"files", "local", "image"}),
    "cluster": frozenset({"files", "local", "image", "cluster"}),
}
"""The fidelities of each target."""

SHIPPED_TARGETS = ("local", "containers", "cluster")
"""The targets of this version."""


def highest(needs: Iterable[str]) -> str:
    """Return the highest of some fidelities, or an empty string for none."""
    return max(needs, key=FIDELITIES.index, default="")


def known_target(name: str) -> str:
    """Return the name of a target.

    Raises:
        UsageError: the target does not exist.
    """
    if name not in SHIPPED_TARGETS:
        raise UsageError(f"There is no target {name}. Valid names: {', '.join(SHIPPED_TARGETS)}.", "", "votecheck run --target local")
    return name


@dataclass(frozen=True, slots=True)
class RunSettings:
    """The settings of one run.

    Attributes:
        source: the folder whose `system/`, `chart/` and documents are validated.
        target: where the system under test runs; a key of `TARGETS`.
        api_url, redis_url, database_url: external servers; empty: managed ones.
        reports: the folder that holds one folder per run.
        run: the run's id.
        fault_minutes: duration of random fault injection (B10), in minutes.
        seed: seed of the random faults.
        quick: skip scenarios tagged thorough, crash once at each kind of crash point, and send fewer votes during faults. Takes half the
            time and clears no release.
        fail_fast: skip the remaining scenarios of a checkpoint that has failed.
        image_tag: tag of both images; empty: the released version of each.
        vulnerability_db: folder with a vulnerability database of trivy; empty: none.
        kubeconfig, context: the cluster; empty: kubectl's default.
        release, release_namespace: an external Helm release and the namespace of its records; empty: votecheck installs its own.
        load_command: command that loads images onto the nodes; empty: that of minikube or kind.
        redis_settings: `name=value` for the managed Redis, overriding what the chart sets.
    """

    source: Path = PROJECT
    target: str = "local"
    api_url: str = ""
    redis_url: str = ""
    database_url: str = ""
    reports: Path = field(default_factory=lambda: Path.cwd() / "reports")
    run: str = ""
    fault_minutes: float = 0.25
    seed: int = field(default_factory=lambda: secrets.randbelow(2**31))
    redis_settings: tuple[str, ...] = ()
    image_tag: str = ""
    vulnerability_db: str = ""
    kubeconfig: str = ""
    context: str = ""
    release: str = ""
    release_namespace: str = "default"
    load_command: str = ""
    quick: bool = False
    fail_fast: bool = False

    @property
    def shows(self) -> frozenset[str]:
        """The fidelities of the target."""
        return TARGETS[self.target]

    @property
    def folder(self) -> Path:
        """The folder of this run's record and reports."""
        return self.reports / self.run

    @property
    def flags(self) -> list[str]:
        """The options that repeat this run. URLs and other secrets appear as the name of a variable."""
        flags = [] if self.target == "local" else ["--target", self.target]
        for name in ("api", "redis", "database"):
            if getattr(self, f"{name}_url"):
                flags += [f"--{name}-url", f"${name.upper()}_URL"]
        for setting in self.redis_settings:
            flags += ["--redis-setting", setting]
        flags += ["--quick"] * self.quick + ["--fail-fast"] * self.fail_fast
        if self.image_tag:
            flags += ["--image-tag", self.image_tag]
        for name in ("kubeconfig", "context", "release", "load_command"):
            if getattr(self, name):
                flags += [f"--{name.replace('_', '-')}", getattr(self, name) if name in {"context", "release"} else f"${name.upper()}"]
        if self.release and self.release_namespace != "default":
            flags += ["--release-namespace", self.release_namespace]
        if self.vulnerability_db:
            flags += ["--vulnerability-db", "$VULNERABILITY_DB"]
        return flags
