"""No engine, an engine that refuses, and steps that fail: what is said, and that it ends with 3. Real engines: test_build.py."""

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

REFUSES = "echo 'Error: permission denied while trying to connect' >&2; exit 125"
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


def test_without_an_engine_it_ends_with_3_and_names_all_that_were_asked(path: Path) -> None:
    ended = votecheck("images", path=path)
    assert ended.returncode == 3
    assert "podman: not installed; docker: not installed; buildah: not installed" in " ".join(ended.stderr.split())
    assert "Likely cause: none is installed" in ended.stderr
    assert "Try: votecheck doctor" in ended.stderr
    assert not ended.stdout


def test_an_engine_that_this_user_may_not_use_is_none(path: Path) -> None:
    put(path, "podman", REFUSES)
    ended = votecheck("images", path=path)
    assert ended.returncode == 3
    assert "permission denied while trying to connect" in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr


def test_an_engine_that_refuses_to_build_says_why_and_what_to_do(path: Path, source: Path) -> None:
    put(path, "podman", f'[ "$1" != build ] || {{ {REFUSES}; }}')
    with pytest.raises(TargetUnavailable) as refused:
        build(engines.answering(engines.BUILDERS), source, "api", "refused")
    assert "podman: the build of voting-api:refused" in str(refused.value)
    assert "this user may not use the engine" in str(refused.value)


def test_an_engine_that_is_gone_is_trouble_of_the_harness(path: Path, source: Path) -> None:
    assert not list(path.iterdir())
    with pytest.raises(TargetUnavailable, match="voting-api:gone"):
        build(Engine("podman"), source, "api", "gone")


@pytest.mark.parametrize("name", FAILED_STEPS)
def test_the_step_that_failed_is_named_and_what_it_said_last(name: str, path: Path, source: Path) -> None:
    said, step, last, cause = FAILED_STEPS[name]
    put(path, name, f"[ \"$1\" != build ] || {{ echo '{said}' >&2; exit 1; }}")
    with pytest.raises(TargetUnavailable) as failed:
        build(Engine(name), source, "api", "failed")
    what, likely, _ = str(failed.value).splitlines()
    assert step in what
    assert last in what
    assert "&& echo" not in what, "the text of the step would push out what it said"
    assert cause in likely


def test_a_build_has_a_time(path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(path, "podman", '[ "$1" != build ] || exec /bin/sleep 60')
    monkeypatch.setattr(building, "BUILD_SECONDS", 0.2)
    with pytest.raises(TargetUnavailable, match="timed out after 0 s"):
        build(Engine("podman"), source, "api", "slow")


@pytest.mark.parametrize("name", ["podman", "buildah", "docker"])
def test_every_builder_is_told_the_version_the_revision_and_the_source(name: str, source: Path) -> None:
    words = building.command(Engine(name), source, "consumer", "voting-consumer:t")
    told = {words[i + 1].partition("=")[0]: words[i + 1].partition("=")[2] for i, word in enumerate(words) if word == "--build-arg"}
    assert told["VERSION"] == building.VERSIONS["consumer"]
    assert told["REVISION"] == "unknown"
    assert told["SOURCE_DIGEST"] == building.digest(source)
    assert words[:2] == [name, "build"]
    assert words[-3:] == ["--tag", "voting-consumer:t", str(source)]
