"""Errors without an engine, from an engine that fails, and from failing build steps. test_build.py uses real engines."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.images.conftest import put
from validation.core.errors import TargetUnavailable
from validation.core.settings import PROJECT
from validation.images import build as building
from validation.images import engines
from validation.images.build import build
from validation.images.engines import Engine

DENIED = "echo 'Error: permission denied while trying to connect' >&2; exit 125"
FAILED_STEPS = {
    "podman": (
        """[1/2] STEP 1/10: FROM python:3.13-slim AS build
[1/2] STEP 6/10: RUN pip install --requirement requirements.txt && echo "x: y" >z
--> 0123456789a
Collecting uvloop==0.23.0
ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device
Error: building at STEP "RUN pip install --requirement requirements.txt && echo "x: y" >z": while running runtime: exit status 1""",
        "step 6/10: RUN pip install",
        "No space left on device",
        "the disk is full",
    ),
    "docker": (
        """#7 [build 4/9] COPY system/images/slim.py slim.py
#8 [build 5/9] RUN pip install --requirement requirements.txt
#8 4.1 ERROR: No matching distribution found for uvloop==0.23.0
#8 ERROR: process "/bin/sh -c pip install" did not complete successfully: exit code: 1
------
 > [build 5/9] RUN pip install --requirement requirements.txt:
4.1 ERROR: No matching distribution found for uvloop==0.23.0
------
api.Dockerfile:9
--------------------
   8 |     COPY slim.py slim.py
   9 | >>> RUN pip install
--------------------
ERROR: failed to solve: process "/bin/sh -c pip install" did not complete successfully: exit code: 1""",
        "step 5/9: RUN pip install",
        "did not complete successfully: exit code: 1",
        "the package index is unreachable",
    ),
}


def votecheck(*arguments: str, path: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "validation", *arguments]
    return subprocess.run(command, cwd=PROJECT, env={"PATH": str(path)}, capture_output=True, text=True, timeout=60, check=False)


def test_without_an_engine_it_exits_with_3_and_names_all_engines(path: Path) -> None:
    done = votecheck("images", path=path)
    assert done.returncode == 3
    assert "podman: not installed; docker: not installed; buildah: not installed" in " ".join(done.stderr.split())
    assert "Likely cause: none is installed" in done.stderr
    assert "Try: votecheck doctor" in done.stderr
    assert not done.stdout


def test_an_engine_that_this_user_may_not_use_is_skipped(path: Path) -> None:
    put(path, "podman", DENIED)
    done = votecheck("images", path=path)
    assert done.returncode == 3
    assert "permission denied while trying to connect" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_denied_build_reports_its_likely_cause(path: Path, source: Path) -> None:
    put(path, "podman", f'[ "$1" != build ] || {{ {DENIED}; }}')
    with pytest.raises(TargetUnavailable) as error:
        build(engines.answering(engines.BUILDERS), source, "api", "denied")
    assert "podman: the build of voting-api:denied" in str(error.value)
    assert "this user may not use the engine" in str(error.value)


def test_a_missing_engine_is_a_harness_error(path: Path, source: Path) -> None:
    assert not list(path.iterdir())
    with pytest.raises(TargetUnavailable, match="voting-api:missing"):
        build(Engine("podman"), source, "api", "missing")


@pytest.mark.parametrize("name", FAILED_STEPS)
def test_the_failed_step_is_named_with_its_last_output(name: str, path: Path, source: Path) -> None:
    output, step, last, cause = FAILED_STEPS[name]
    put(path, name, f"[ \"$1\" != build ] || {{ echo '{output}' >&2; exit 1; }}")
    with pytest.raises(TargetUnavailable) as failed:
        build(Engine(name), source, "api", "failed")
    what, likely, _ = str(failed.value).splitlines()
    assert step in what
    assert last in what
    assert "&& echo" not in what, "the text of the step would displace its output"
    assert cause in likely


def test_a_build_times_out(path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(path, "podman", '[ "$1" != build ] || exec /bin/sleep 60')
    monkeypatch.setattr(building, "BUILD_SECONDS", 0.2)
    with pytest.raises(TargetUnavailable, match="timed out after 0 s"):
        build(Engine("podman"), source, "api", "slow")


@pytest.mark.parametrize("name", ["podman", "buildah", "docker"])
def test_every_builder_gets_version_revision_and_source_digest(name: str, source: Path) -> None:
    words = building.command(Engine(name), source, "consumer", "voting-consumer:t")
    passed = {words[i + 1].partition("=")[0]: words[i + 1].partition("=")[2] for i, word in enumerate(words) if word == "--build-arg"}
    assert passed["VERSION"] == building.VERSIONS["consumer"]
    assert passed["REVISION"] == "unknown"
    assert passed["SOURCE_DIGEST"] == building.digest(source)
    assert words[:2] == [name, "build"]
    assert words[-3:] == ["--tag", "voting-consumer:t", str(source)]
