"""Real builds that fail half-way, run out of space or of time, or are broken off: what is said, and that nothing is left behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.unit.images.conftest import Shelf
from validation.core.errors import TargetUnavailable
from validation.core.settings import PROJECT
from validation.core.waiting import eventually
from validation.images import build as building
from validation.images import store
from validation.images.build import build
from validation.images.source import dockerfile

BASE = building._bases(PROJECT, "api")[0]
BEGINS = f'FROM {BASE} AS build\nLABEL votecheck.part="api"\nCOPY system/images/slim.py /slim.py\nRUN echo a step that succeeds >/done\n'
SLEEPS = "sleep 1000.25"


def fails_with(source: Path, steps: str, shelf: Shelf) -> str:
    dockerfile(source, "api").write_text(BEGINS + steps)
    before = everything(shelf)
    with pytest.raises(TargetUnavailable) as failed:
        build(shelf.engine, source, "api", "fails")
    assert everything(shelf) == before
    return str(failed.value)


def everything(shelf: Shelf) -> list[str]:
    """All images, also those without a name, and all containers, also those that builds work in."""
    images = shelf.engine.run("images", "--all", "--quiet", "--no-trunc").split()
    return sorted([*images, *shelf.engine.run("ps", "--all", "--external", "--quiet").split()])


def sleepers() -> list[int]:
    return [p.pid for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == SLEEPS.split()]


def test_a_step_that_fails_is_named_with_what_it_said(source: Path, shelf: Shelf) -> None:
    said = fails_with(source, "RUN echo this is why >&2 && exit 7\n", shelf)
    assert "the build of voting-api:fails at step 5/5: RUN echo this is why" in said
    assert "this is why Error: building" in said
    assert "exit status 7" in said


def test_a_file_that_is_not_there_is_named(source: Path, shelf: Shelf) -> None:
    assert "system/nowhere" in fails_with(source, "COPY system/nowhere /x\n", shelf)


def test_a_base_that_cannot_be_had_is_named_and_what_was_built_by_then_is_gone(source: Path, shelf: Shelf) -> None:
    said = fails_with(source, "FROM localhost/votecheck-nowhere:1\nCOPY --from=build /slim.py /x\n", shelf)
    assert "votecheck-nowhere:1" in said
    assert "Likely cause: a base image cannot be had" in said


def test_a_full_disk_is_called_one(source: Path, shelf: Shelf) -> None:
    said = fails_with(source, "RUN dd if=/dev/zero of=/dev/full bs=1 count=1 status=none\n", shelf)  # the one place that is full everywhere
    assert "No space left on device" in said
    assert "Likely cause: the disk is full" in said


def test_a_package_that_is_not_the_pinned_one_is_refused(source: Path, shelf: Shelf) -> None:
    (source / "system" / "pins").write_text(f"./x-1.tar.gz --hash=sha256:{'0' * 64}\n")
    (source / "system" / "x-1.tar.gz").write_bytes(b"something else")
    install = "RUN pip install --require-hashes --requirement pins\n"
    said = fails_with(source, f"COPY system/ /w/\nWORKDIR /w\n{install}", shelf)
    assert "a package does not match its pinned hash" in said


def test_a_build_without_end_is_ended_with_all_that_it_runs(source: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "BUILD_SECONDS", 6.0)
    said = fails_with(source, f"RUN {SLEEPS}\n", shelf)
    assert "timed out after 6 s" in said
    assert not sleepers()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_build_that_is_broken_off_leaves_nothing(number: signal.Signals, source: Path, shelf: Shelf) -> None:
    dockerfile(source, "api").write_text(f"{BEGINS}RUN {SLEEPS}\n")
    before = everything(shelf)
    env = os.environ | {"PATH": f"{shelf.path}:{os.environ['PATH']}"}
    command = [sys.executable, "-m", "validation", "images", "--source", str(source), "--tag", "broken"]
    child = subprocess.Popen(command, cwd=PROJECT, env=env, stderr=subprocess.PIPE, text=True)
    assert eventually(sleepers, bool, within=60).held
    child.send_signal(number)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130, said
    assert not sleepers()
    assert everything(shelf) == before


def test_what_was_in_the_store_before_stays(source: Path, shelf: Shelf) -> None:
    dockerfile(source, "api").write_text(BEGINS)
    good = build(shelf.engine, source, "api", "before")
    fails_with(source, "RUN false\n", shelf)
    assert shelf.engine.run("image", "inspect", "--format", "{{.Id}}", good.reference) == good.digest.removeprefix("sha256:")
    assert store.snapshot(shelf.engine).images


def test_what_a_killed_engine_left_is_swept_away(source: Path, shelf: Shelf) -> None:
    dockerfile(source, "api").write_text(f"{BEGINS}RUN {SLEEPS}\n")
    seen, before = everything(shelf), store.snapshot(shelf.engine)
    words = building.command(shelf.engine, source, "api", "voting-api:killed")
    child = psutil.Popen(words, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert eventually(sleepers, bool, within=60).held
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for left in sleepers():
        os.kill(left, signal.SIGKILL)
    assert everything(shelf) != seen
    store.sweep(shelf.engine, before, (BASE,))
    assert everything(shelf) == seen
