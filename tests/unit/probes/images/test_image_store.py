"""The image store saves an image once, and says why it cannot get one from the engine."""

from pathlib import Path

import pytest

from tests.unit.probes.images import saved
from validation.core.errors import NotProven, TargetUnavailable
from validation.images import engines
from validation.probes.images import inspection


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    commands = tmp_path / "bin"
    commands.mkdir()
    monkeypatch.setenv("PATH", f"{commands}:/usr/bin:/bin")
    monkeypatch.setattr(engines, "ENGINES", ("podman",))
    monkeypatch.setattr(inspection, "answering", lambda: engines.answering(("podman",)))
    return commands / "podman"


def script(engine: Path, body: str) -> None:
    engine.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    engine.chmod(0o755)


def test_an_image_is_saved_and_read_once(engine: Path, tmp_path: Path) -> None:
    saved.docker(tmp_path / "kept.tar")
    script(engine, f'echo "$*" >>{tmp_path}/calls; [ "$1" != save ] || cp {tmp_path}/kept.tar "$5"')
    image_store = inspection.ImageStore(tmp_path, "tagged")

    assert image_store.image("api") is image_store.image("api")
    assert [line for line in (tmp_path / "calls").read_text().splitlines() if line != "info"] == [
        "image inspect voting-api:tagged",
        f"save --format docker-archive --output {tmp_path}/api.tar voting-api:tagged",
    ]


def test_an_image_that_the_engine_lacks_is_not_proven(engine: Path, tmp_path: Path) -> None:
    script(engine, '[ "$1" = info ]')
    with pytest.raises(NotProven, match=r"podman has no image voting-consumer:0\.3\.0\. Try: make images"):
        inspection.ImageStore(tmp_path, "").image("consumer")


def test_a_full_disk_is_not_proven_and_leaves_nothing(engine: Path, tmp_path: Path) -> None:
    script(engine, 'case $1 in save) echo half >"$5"; echo "write: no space left on device" >&2; exit 125;; esac')
    with pytest.raises(NotProven, match="the disk is full"):
        inspection.ImageStore(tmp_path, "").image("api")
    assert not (tmp_path / "api.tar").exists()


def test_no_engine_is_not_proven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> engines.Engine:
        raise TargetUnavailable("No container engine answers (podman: not installed).", "none is installed", "votecheck doctor")

    monkeypatch.setattr(inspection, "answering", none)
    with pytest.raises(NotProven, match=r"No container engine answers.* Try: votecheck doctor"):
        inspection.ImageStore(tmp_path, "").image("api")
