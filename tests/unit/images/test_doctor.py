from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.unit.images.conftest import put
from validation.cli import doctor
from validation.cli.main import app
from validation.images.engines import Engine

NO_DAEMON = "echo 'Client: Version 28'; echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock.' >&2; exit 1"


def found() -> dict[str, tuple[bool, str]]:
    return {check.what: (check.good, check.seen) for check in doctor.examine()}


@pytest.mark.usefixtures("path")
def test_without_an_engine_it_lists_what_to_install() -> None:
    seen = found()
    assert seen["builds images"] == (False, "no engine. Try: install podman, docker or buildah")
    assert seen["runs containers"] == (False, "no engine. Try: install podman or docker")
    assert seen["container engine podman"] == (False, "not installed")


def test_a_client_without_a_daemon_is_not_an_engine(path: Path) -> None:
    put(path, "docker", NO_DAEMON)
    seen = found()
    good, why = seen["container engine docker"]
    assert not good
    assert "the engine does not answer" in why
    assert "daemon" in why
    assert not seen["builds images"][0]
    assert not seen["runs containers"][0]


def test_the_first_engine_that_answers_builds_and_runs(path: Path) -> None:
    put(path, "podman", "exit 125")
    put(path, "docker", "exit 0")
    put(path, "buildah", "exit 0")
    seen = found()
    assert seen["builds images"] == (True, "docker")
    assert seen["runs containers"] == (True, "docker")


def test_an_engine_that_only_builds_does_not_run(path: Path) -> None:
    put(path, "docker", NO_DAEMON)
    put(path, "buildah", "exit 0")
    seen = found()
    assert seen["builds images"] == (True, "buildah")
    assert not seen["runs containers"][0]


@pytest.mark.usefixtures("path")
def test_the_local_target_needs_no_engine() -> None:
    assert not [check.what for check in doctor.examine() if check.needed and "engine" in check.what]


def test_images_are_built_with_the_first_engine_that_answers(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, code in (("podman", 125), ("docker", 0), ("buildah", 0)):
        put(path, name, f"exit {code}")
    asked: list[Engine] = []

    def build_all(engine: Engine, *_: object) -> list[object]:
        asked.append(engine)
        return []

    monkeypatch.setattr("validation.images.build.build_all", build_all)
    ran = CliRunner().invoke(app, ["images", "--json"])
    assert (asked, ran.exit_code) == ([Engine("docker")], 0)
