"""A container behaves like a child process and leaves nothing behind; on a real engine, with the chart's Redis image."""

import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.targets.test_cleanup import orphaned, start, temporary  # noqa: F401 - fixtures
from validation.core.errors import HarnessError, ProbeError, TargetUnavailable
from validation.core.settings import RunSettings
from validation.core.waiting import eventually
from validation.images import engines
from validation.images.engines import Engine
from validation.targets import cleanup
from validation.targets.cleanup import LABEL
from validation.targets.containers.container import Container
from validation.targets.containers.target import ContainersTarget
from validation.targets.ports import is_port

IMAGE = "redis:8.0"
WAITS = ["-c", "trap 'echo got SIGTERM; exit 7' TERM; echo up; while :; do sleep 0.1; done"]


@pytest.fixture(scope="module")
def engine() -> Engine:
    try:
        found = engines.answering()
    except TargetUnavailable as none:
        pytest.skip(f"skipped: {none}")
    if found.ask("image", "inspect", IMAGE).returncode:
        pytest.skip(f"skipped: {found.name} has no {IMAGE}")
    return found


Make = Callable[..., Container]


@pytest.fixture
def make(engine: Engine, temporary: Path) -> Iterator[Make]:  # noqa: F811, ARG001 - its own folder for runs
    folder = cleanup.claim("20260101-000000-test")
    cleanup.remember_engine(folder, engine.name)

    made: list[Container] = []

    def container(command: list[str] = WAITS, image: str = IMAGE, name: str = "one", **env: str) -> Container:
        options = ["--entrypoint", "sh", "--network", "none"]
        made.append(Container(name, command, folder, folder, env, engine=engine, image=image, options=options))
        return made[-1]

    yield container
    for one in made:
        one.kill()
    assert cleanup.release(folder) == []
    assert labelled(engine, folder.name) == []


def labelled(engine: Engine, run: str) -> list[str]:
    return engine.run("ps", "--all", "--quiet", "--filter", f"label={LABEL}={run}").split()


def is_up(container: Container) -> bool:
    return eventually(container.output, lambda text: "up" in text, within=20).held


def test_output_signals_and_exit_code(make: Make) -> None:
    container = make()
    container.start()
    assert is_up(container)
    assert (container.alive, container.exit_code, container.frozen) == (True, None, False)
    container.send(signal.SIGTERM)
    assert container.wait(within=10).value == 7
    assert "got SIGTERM" in container.output()


def test_a_killed_container_reports_the_signal_and_can_be_started_again(make: Make) -> None:
    container = make()
    container.start()
    assert is_up(container)
    first = container.pid
    container.kill()
    assert (container.alive, container.exit_code) == (False, -signal.SIGKILL)
    container.start()
    assert is_up(container)
    assert container.pid != first


def test_a_paused_container_writes_nothing_until_it_is_resumed(make: Make) -> None:
    container = make(["-c", "while :; do echo up; sleep 0.05; done"])
    container.start()
    assert is_up(container)
    container.pause()
    assert container.frozen
    said = len(container.output())
    assert not eventually(lambda: len(container.output()), lambda n: n > said + 100, within=0.5).held
    container.resume()
    assert eventually(lambda: len(container.output()), lambda n: n > said, within=5).held


def test_a_container_can_be_paused_right_after_its_start(make: Make) -> None:
    container = make()
    container.start()
    container.pause()
    assert container.frozen


def test_a_paused_container_can_be_stopped(make: Make) -> None:
    container = make()
    container.start()
    assert is_up(container)
    container.pause()
    assert container.stop(within=10).value == 7


def test_a_command_returns_its_exit_code_and_an_engine_failure_is_an_error(make: Make) -> None:
    container = make(COLOUR="red")
    container.start()
    assert container.ask("sh", "-c", 'echo "$COLOUR"; exit 3', within=10).stdout == "red\n"
    assert container.ask("sh", "-c", "exit 3", within=10).returncode == 3
    with pytest.raises(ProbeError, match="Cannot run no-such-command"):
        container.ask("no-such-command", within=10)


def test_secrets_are_not_in_arguments(make: Make) -> None:
    container = make(PASSWORD="hush-hush")  # noqa: S106 - nobody's
    container.start()
    assert is_up(container)
    client = Path(f"/proc/{container._popen.pid}/cmdline").read_bytes()  # type: ignore[union-attr]
    assert b"--env\0PASSWORD\0" in client
    assert b"hush-hush" not in client


def test_the_file_size_can_be_limited(make: Make) -> None:
    container = make(["-c", "trap '' XFSZ; echo up; while :; do sleep 0.1; done"])
    container.start()
    assert is_up(container)
    container.limit_file_size(4096)
    assert "4096" in Path(f"/proc/{container.pid}/limits").read_text().split("Max file size")[1].splitlines()[0]


def test_a_missing_image_is_an_exit_with_a_reason(make: Make) -> None:
    container = make(image="localhost/votecheck-no-such-image:1")
    container.start()
    assert container.wait(within=30).value == 125
    with pytest.raises(HarnessError, match="votecheck-no-such-image"):
        _ = container.pid


def test_objects_of_a_dead_run_are_removed_from_the_engine_and_nothing_else(engine: Engine, orphaned: Path) -> None:  # noqa: F811
    cleanup.remember_engine(orphaned, engine.name)
    label, names = f"{LABEL}={orphaned.name}", []
    for run in (orphaned.name, "another-run"):
        names.append(f"votecheck-test-{run}")
        engine.run("network", "create", "--label", f"{LABEL}={run}", names[-1])
        engine.run("volume", "create", "--label", f"{LABEL}={run}", names[-1])
        engine.run("run", "--detach", "--label", f"{LABEL}={run}", "--name", names[-1], "--entrypoint", "sh", IMAGE, *WAITS)
    try:
        assert cleanup.reap() == ([orphaned.name], [])
        for what in (("ps", "--all"), ("network", "ls"), ("volume", "ls")):
            assert engine.run(*what, "--quiet", "--filter", f"label={label}") == ""
            assert engine.run(*what, "--quiet", "--filter", f"label={LABEL}=another-run") != ""
    finally:
        engine.ask("rm", "--force", names[1])
        engine.ask("network", "rm", names[1])
        engine.ask("volume", "rm", names[1])


def test_without_an_engine_the_target_is_unavailable_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TargetUnavailable, match="No container engine answers"):
        ContainersTarget(RunSettings(target="containers", run="20260101-000000-lack"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("output", "likely"),
    [
        ("Error: permission denied while trying to connect", "this user may not use the engine"),
        ("write /var/lib: no space left on device", "the disk is full"),
        ("Error: initializing source docker://python: pinging container registry: dial tcp", "a base image cannot be pulled"),
    ],
)
def test_an_engine_error_names_the_likely_cause(output: str, likely: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "podman").write_text(f"#!/bin/sh\necho '{output}' >&2\nexit 1\n")
    (tmp_path / "podman").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(TargetUnavailable, match=likely):
        Engine("podman").run("build")


def test_an_engine_that_does_not_answer_times_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "podman").write_text("#!/bin/sh\nexec sleep 20\n")
    (tmp_path / "podman").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(engines, "ASKED_SECONDS", 0.3)
    answers, seen = engines.answers("podman")
    assert not answers
    assert "no answer within" in seen


def test_a_client_without_a_service_is_not_an_engine() -> None:
    docker = subprocess.run(["sh", "-c", "command -v docker"], capture_output=True, check=False)
    if docker.returncode:
        pytest.skip("skipped: no docker client here")
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0:
        pytest.skip("skipped: docker's service runs here")
    assert engines.answers("docker")[0] is False


@pytest.mark.parametrize(("text", "right"), [("1", True), ("65535", True), ("0", False), ("65536", False), ("70000", False), ("-1", False),
                                             ("", False), ("many", False)])  # fmt: skip
def test_only_a_port_is_published(text: str, right: bool) -> None:
    assert is_port(text) is right
