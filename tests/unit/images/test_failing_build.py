"""Real builds that fail, run out of space or time, or are interrupted: the error is clear, and nothing is left behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.unit.images.conftest import PrivateStore
from validation.core.errors import TargetUnavailable
from validation.core.settings import PROJECT
from validation.core.waiting import eventually
from validation.images import build as building
from validation.images import store
from validation.images.build import build
from validation.images.source import dockerfile

BASE = building._bases(PROJECT, "api")[0]
START = f'FROM {BASE} AS build\nLABEL votecheck.part="api"\nCOPY system/images/slim.py /slim.py\nRUN echo a step that succeeds >/done\n'
SLEEPS = "sleep 1000.25"


def failure_of(source: Path, steps: str, podman: PrivateStore) -> str:
    dockerfile(source, "api").write_text(START + steps)
    before = everything(podman)
    with pytest.raises(TargetUnavailable) as failed:
        build(podman.engine, source, "api", "fails")
    assert everything(podman) == before
    return str(failed.value)


def everything(podman: PrivateStore) -> list[str]:
    """Return all images, including unnamed ones, and all containers, including those of builds."""
    images = podman.engine.run("images", "--all", "--quiet", "--no-trunc").split()
    return sorted([*images, *podman.engine.run("ps", "--all", "--external", "--quiet").split()])


def sleepers() -> list[int]:
    return [p.pid for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == SLEEPS.split()]


def test_a_failing_step_is_named_with_its_output(source: Path, podman: PrivateStore) -> None:
    error = failure_of(source, "RUN echo this is why >&2 && exit 7\n", podman)
    assert "the build of voting-api:fails at step 5/5: RUN echo this is why" in error
    assert "this is why Error: building" in error
    assert "exit status 7" in error


def test_a_missing_file_is_named(source: Path, podman: PrivateStore) -> None:
    assert "system/nowhere" in failure_of(source, "COPY system/nowhere /x\n", podman)


def test_an_unavailable_base_image_is_named(source: Path, podman: PrivateStore) -> None:
    error = failure_of(source, "FROM localhost/votecheck-nowhere:1\nCOPY --from=build /slim.py /x\n", podman)
    assert "votecheck-nowhere:1" in error
    assert "Likely cause: a base image cannot be pulled" in error


def test_a_full_disk_is_reported_as_the_cause(source: Path, podman: PrivateStore) -> None:
    error = failure_of(source, "RUN dd if=/dev/zero of=/dev/full bs=1 count=1 status=none\n", podman)  # a device that is always full
    assert "No space left on device" in error
    assert "Likely cause: the disk is full" in error


def test_a_package_with_the_wrong_hash_is_rejected(source: Path, podman: PrivateStore) -> None:
    (source / "system" / "pins").write_text(f"./x-1.tar.gz --hash=sha256:{'0' * 64}\n")
    (source / "system" / "x-1.tar.gz").write_bytes(b"something else")
    install = "RUN pip install --require-hashes --requirement pins\n"
    error = failure_of(source, f"COPY system/ /w/\nWORKDIR /w\n{install}", podman)
    assert "a package does not match its pinned hash" in error


def test_a_build_that_hangs_is_stopped_with_its_processes(source: Path, podman: PrivateStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "BUILD_SECONDS", 6.0)
    error = failure_of(source, f"RUN {SLEEPS}\n", podman)
    assert "timed out after 6 s" in error
    assert not sleepers()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_leaves_nothing(number: signal.Signals, source: Path, podman: PrivateStore) -> None:
    dockerfile(source, "api").write_text(f"{START}RUN {SLEEPS}\n")
    before = everything(podman)
    env = os.environ | {"PATH": f"{podman.path}:{os.environ['PATH']}"}
    command = [sys.executable, "-m", "validation", "images", "--source", str(source), "--tag", "interrupted"]
    child = subprocess.Popen(command, cwd=PROJECT, env=env, stderr=subprocess.PIPE, text=True)
    assert eventually(sleepers, bool, within=60).held
    child.send_signal(number)
    _, output = child.communicate(timeout=60)
    assert child.returncode == 130, output
    assert not sleepers()
    assert everything(podman) == before


def test_existing_images_are_kept(source: Path, podman: PrivateStore) -> None:
    dockerfile(source, "api").write_text(START)
    good = build(podman.engine, source, "api", "before")
    failure_of(source, "RUN false\n", podman)
    assert podman.engine.run("image", "inspect", "--format", "{{.Id}}", good.reference) == good.digest.removeprefix("sha256:")
    assert store.snapshot(podman.engine).images


def test_leftovers_of_a_killed_engine_are_removed(source: Path, podman: PrivateStore) -> None:
    dockerfile(source, "api").write_text(f"{START}RUN {SLEEPS}\n")
    seen, before = everything(podman), store.snapshot(podman.engine)
    words = building.command(podman.engine, source, "api", "voting-api:killed")
    child = psutil.Popen(words, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert eventually(sleepers, bool, within=60).held
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for left in sleepers():
        os.kill(left, signal.SIGKILL)
    assert everything(podman) != seen
    store.sweep(podman.engine, before, (BASE,))
    assert everything(podman) == seen
