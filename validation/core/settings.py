"""What one run is asked to do, in one frozen value."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from validation.core.errors import UsageError

PROJECT = Path(__file__).resolve().parents[2]
FIDELITIES = ("files", "local", "image", "cluster")
"""What a checkpoint may need, from the least to the most."""

TARGETS = {
    "local": frozenset({"files", "local"}),
    "containers": frozenset({"files", "local", "image"}),
    "cluster": frozenset({"files", "local", "image", "cluster"}),
}
"""What each target can show."""

SHIPPED_TARGETS = ("local", "containers", "cluster")
"""Targets that this version can start."""


def highest(needs: Iterable[str]) -> str:
    """Name the highest of some fidelities; an empty string for none."""
    return max(needs, key=FIDELITIES.index, default="")


def known_target(name: str) -> str:
    """Give a target's name back.

    Raises:
        UsageError: there is no such target.
    """
    if name not in SHIPPED_TARGETS:
        raise UsageError(f"There is no target {name}.", f"this version has {', '.join(SHIPPED_TARGETS)}", "votecheck run --help")
    return name


@dataclass(frozen=True, slots=True)
class RunSettings:
    """One run.

    Attributes:
        source: the folder whose `system/`, `chart/` and documents are judged.
        target: where the system runs: a key of `TARGETS`.
        api_url, redis_url, database_url: somebody else's servers, empty for our own.
        reports: the folder that gets one folder a run.
        run: the run's id.
        minutes: how long random faults go on.
        seed: what they are drawn by, so that a run can be repeated.
        quick: leave out the scenarios that are tagged thorough, crash each kind of crash point once, and let faults come over fewer votes:
            for a look in half of the time.
        fail_fast: look no further at a checkpoint that has failed.
        image_tag: the tag of the two images that are judged; empty: each part's released version.
        vulnerability_db: a folder with a vulnerability database of trivy's; empty: none is there.
        kubeconfig, context: which cluster; empty is what kubectl would take.
        release, release_namespace: somebody else's release that is judged, and where helm keeps its records; empty: one of our own.
        load_command: brings images to the nodes; empty: minikube's or kind's.
        redis_settings: `name=value` of our own Redis, in the place of what the chart sets: to see what another setting would cost.
    """

    source: Path = PROJECT
    target: str = "local"
    api_url: str = ""
    redis_url: str = ""
    database_url: str = ""
    reports: Path = field(default_factory=lambda: Path.cwd() / "reports")
    run: str = ""
    minutes: float = 0.25
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
        """The fidelities that the target can show."""
        return TARGETS[self.target]

    @property
    def folder(self) -> Path:
        """Where this run's records and reports are."""
        return self.reports / self.run

    @property
    def flags(self) -> list[str]:
        """The options that repeat this run's target, without the secrets of its addresses."""
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
