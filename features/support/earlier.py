"""The parts of the last release: taken from the history, and started beside those of the source under test."""

import io
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from validation.core import inputs
from validation.core.digests import contents, files_below
from validation.core.errors import NotProven
from validation.core.git import git
from validation.core.settings import PROJECT
from validation.registry.releases import Release, releases
from validation.targets.base import Api
from validation.targets.launching import LaunchingTarget
from validation.targets.ports import free_port
from validation.targets.process import Child

MIGRATED_SECONDS = 60.0


@dataclass
class Earlier:
    """The last release.

    Attributes:
        source: a folder with its `system/`.
        folder: the run's folder, for logs.
        children: the parts that were started.
    """

    release: Release
    source: Path
    folder: Path
    children: list[Child] = field(default_factory=list)

    def api(self, env: Mapping[str, str]) -> Api:
        """Prepare an API of this release. It runs in the interpreter of the harness, with today's libraries."""
        port = str(free_port())
        return Api(f"http://127.0.0.1:{port}", self._part("api", {"API_PORT": port} | dict(env)))

    def consumer(self, env: Mapping[str, str]) -> Child:
        """Prepare a consumer of this release."""
        heartbeat = self.folder / f"heartbeat-{self.release.version}-{len(self.children)}"
        return self._part("consumer", {"HEARTBEAT_FILE": str(heartbeat)} | dict(env))

    def migrate(self, env: Mapping[str, str]) -> tuple[int, str]:
        """Run the migration of this release, and return its exit code, -1 if it does not end, and its output."""
        migration = self._part("db.migrate", env)
        migration.start()
        code = migration.wait(MIGRATED_SECONDS).value
        if code is None:
            migration.kill()
        return -1 if code is None else code, migration.output()

    def close(self) -> None:
        """Stop all parts."""
        for child in reversed(self.children):
            child.stop()

    def _part(self, part: str, env: Mapping[str, str]) -> Child:
        inputs.note(inputs.settings(f"python -m system.{part} of {self.release.version}", env))
        name = f"{part}-{self.release.version}-{len(self.children)}"
        self.children.append(Child(name, [sys.executable, "-m", f"system.{part}"], self.folder, self.source, env))
        return self.children[-1]


@pytest.fixture
def earlier(target: LaunchingTarget, afterwards: Callable[..., None]) -> Earlier:
    """The last release, if it is another one than the source under test."""
    release = releases()[-1]
    made = Earlier(release, taken_from_history(release, PROJECT, target.source, target.folder), target.folder)
    afterwards(made.close)
    return made


def taken_from_history(release: Release, project: Path, source: Path, folder: Path) -> Path:
    """Write the system of a release below a folder, and return where it is.

    Args:
        release: which one.
        project: a folder in a git repository that has it.
        source: the source under test.
        folder: where to write it.

    Raises:
        NotProven: the commit of the release is not in the history, or the source has the same system.
    """
    archive = git(project, "archive", "--format=zip", release.commit, "system")
    if archive is None:
        raise NotProven(f"Release {release.version} is not in this history: commit {release.commit[:12]}. Try: git fetch --unshallow")
    place = folder / f"release-{release.version}"
    with zipfile.ZipFile(io.BytesIO(archive.encode("utf-8", "surrogateescape"))) as packed:
        packed.extractall(place)
    if _system(place) == _system(source):
        raise NotProven(f"This source is release {release.version} itself: an upgrade from a release to itself proves nothing.")
    return place


def _system(source: Path) -> list[bytes]:
    return list(contents(source, files_below(source / "system")))
