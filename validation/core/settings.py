"""The settings of one run, and the targets it can choose from."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from validation.core import commands
from validation.core.errors import UsageError
from validation.core.shards import Shard

PROJECT = Path(__file__).resolve().parents[2]
FAULT_MINUTES = 0.25
"""The default duration of random fault injection, in minutes. A release needs at least as much."""
MODEL_EXAMPLES = 1
"""The default number of examples of the model beside the system."""
NAMESPACE = "default"
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
        long_life: how many times the work of B25 is done.
        seed: seed of the random faults and steps.
        model_examples: examples that the model beside the system (B24) runs from each seed.
        quick: skip scenarios tagged thorough, crash once at each kind of crash point, and send fewer votes during faults. Takes half the
            time and clears no release.
        fail_fast: skip the remaining scenarios of a checkpoint that has failed.
        first_finding: skip everything after the first finding; named scenarios run in the order in which they are named.
        image_tag: tag of both images; empty: the released version of each.
        vulnerability_db: folder with a vulnerability database of trivy; empty: none.
        kubeconfig, context: the cluster; empty: kubectl's default.
        release, release_namespace: an external Helm release and the namespace of its records; empty: votecheck installs its own.
        load_command: command that loads images onto the nodes; empty: that of minikube or kind.
        redis_settings: `name=value` for the managed Redis, overriding what the chart sets.
        command: what runs the scenarios: `votecheck run` or `pytest`.
        waivers: the file of waivers; empty: none.
        since: the pack or run of an earlier release to compare with; empty: none.
        scenarios: names of the only scenarios to run; empty: all of the chosen checkpoints.
        selection: the options that chose the checkpoints and scenarios.
        shard: the part of the scenarios to run; None: all.
        processes: how many processes run the scenarios side by side.
        record_of: the run whose folder holds the record and the reports; empty: `run`.
    """

    source: Path = PROJECT
    target: str = "local"
    api_url: str = ""
    redis_url: str = ""
    database_url: str = ""
    reports: Path = field(default_factory=lambda: Path.cwd() / "reports")
    run: str = ""
    fault_minutes: float = FAULT_MINUTES
    long_life: int = 1
    seed: int = field(default_factory=lambda: secrets.randbelow(2**31))
    model_examples: int = MODEL_EXAMPLES
    redis_settings: tuple[str, ...] = ()
    image_tag: str = ""
    vulnerability_db: str = ""
    kubeconfig: str = ""
    context: str = ""
    release: str = ""
    release_namespace: str = NAMESPACE
    load_command: str = ""
    quick: bool = False
    fail_fast: bool = False
    first_finding: bool = False
    command: str = "votecheck run"
    waivers: str = ""
    since: str = ""
    scenarios: tuple[str, ...] = ()
    selection: tuple[str, ...] = ()
    shard: Shard | None = None
    processes: int = 1
    record_of: str = ""

    @property
    def shows(self) -> frozenset[str]:
        """The fidelities of the target."""
        return TARGETS[self.target]

    @property
    def folder(self) -> Path:
        """The folder of this run's record and reports."""
        return self.reports / (self.record_of or self.run)

    @property
    def flags(self) -> list[str]:
        """The options that repeat this run, without its selection. A URL with a password appears as the name of a variable."""
        urls = [(_option(f"{n}_url"), getattr(self, f"{n}_url"), f"{n.upper()}_URL") for n in ("api", "redis", "database")]
        files = [(_option(name), getattr(self, name)) for name in ("kubeconfig", "vulnerability_db", "waivers", "since")]
        options = {
            "--target": self.target if self.target != "local" else "",
            "--source": str(self.source) if self.source != PROJECT else "",
            **{option: commands.url_or_variable(url, variable) for option, url, variable in urls if url},
            "--image-tag": self.image_tag,
            "--context": self.context,
            "--release": self.release,
            "--release-namespace": self.release_namespace if self.release and self.release_namespace != NAMESPACE else "",
            "--load-command": commands.text_or_variable(self.load_command, "LOAD_COMMAND"),
            **{option: commands.path(file) for option, file in files if file},
            "--fault-minutes": f"{self.fault_minutes:g}" if self.fault_minutes != FAULT_MINUTES else "",
            "--model-examples": str(self.model_examples) if self.model_examples != MODEL_EXAMPLES else "",
            "--long-life": str(self.long_life) if self.long_life != 1 else "",
            "--processes": str(self.processes) if self.processes != 1 else "",
            "--reports": str(self.reports) if self.reports != Path.cwd() / "reports" else "",
        }
        repeated = [word for setting in self.redis_settings for word in ("--redis-setting", setting)]
        given = [word for option, value in options.items() if value for word in (option, value)]
        return given + repeated + ["--quick"] * self.quick + ["--fail-fast"] * self.fail_fast + ["--first-finding"] * self.first_finding


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
