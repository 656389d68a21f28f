"""The environment of children is built from the names that they need, and a changed interpreter is replaced."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.hostile import HOSTILE, MACHINE, PYTHON
from validation.core.environment import CLUSTER, ENGINE, FIXED, HARMLESS, PARENT, PROXIES, adopted, built
from validation.core.settings import PROJECT
from validation.images import engines

SHOW = "import os; from validation.core import environment; print(repr(environment.altered()), flush=True)"
RESTARTS = f"""
import sys
from validation.core import environment
sys.argv = ["votecheck", "--version"]
environment.PROJECT = {str(PROJECT)!r}
environment.restart()
"""


@pytest.mark.parametrize("name", sorted(HOSTILE.keys() - MACHINE.keys() - {"PYTHONDONTWRITEBYTECODE"}))
def test_a_child_does_not_see(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, HOSTILE[name])
    assert name not in built()
    assert name not in built(*ENGINE)


def test_a_child_has_a_fixed_locale_a_path_and_its_own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "tr_TR.ISO-8859-9")
    monkeypatch.delenv("PATH")
    seen = built(OWN="value")
    assert FIXED.items() <= seen.items()
    assert seen["PATH"] == os.defpath
    assert seen["OWN"] == "value"


@pytest.mark.parametrize(("given", "seen"), [("/nonexistent", None), ("", None), (".", str(Path.cwd())), ("/tmp", "/tmp")])  # noqa: S108 - a folder that exists
def test_the_folder_for_temporary_files_exists_and_is_absolute(given: str, seen: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", given)
    assert built().get("TMPDIR") == seen


def test_what_a_cluster_and_an_engine_need_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = {"KUBECONFIG": "a", "AWS_PROFILE": "b", "DOCKER_HOST": "c", "CONTAINERS_STORAGE_CONF": "d", "XDG_RUNTIME_DIR": "e"}
    for name, value in needed.items():
        monkeypatch.setenv(name, value)
    assert needed.items() <= built(*ENGINE, *CLUSTER).items()


@pytest.mark.parametrize("name", PROXIES)
def test_only_engine_commands_that_need_the_network_know_of_a_proxy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, HOSTILE.get(name, "none"))
    assert name in engines.environment("build")
    assert name in engines.environment("pull")
    assert name not in engines.environment("run")


def test_this_process_gets_its_environment_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLMODE", "require")
    before, mask = dict(os.environ), os.umask(0o077)
    try:
        with adopted():
            assert "PGSSLMODE" not in os.environ
            within = os.umask(0o077)
            os.umask(within)
            assert within == 0o077, "what its owner keeps private stays private"
        assert dict(os.environ) == before
    finally:
        os.umask(mask)


def test_nothing_is_writable_by_others_without_a_umask() -> None:
    mask = os.umask(0)
    try:
        with adopted():
            within = os.umask(0)
            os.umask(within)
            assert within == 0o022
    finally:
        os.umask(mask)


def altered(*options: str, **variables: str) -> str:
    env = built(PYTHONPATH=str(PROJECT)) | variables
    ran = subprocess.run([sys.executable, *options, "-c", SHOW], cwd=PROJECT, env=env, capture_output=True, text=True, check=False)
    return ran.stdout.strip().splitlines()[-1].strip("'")


@pytest.mark.parametrize("name", sorted(PYTHON.keys() - HARMLESS))
def test_a_variable_of_python_alters_the_interpreter(name: str) -> None:
    assert altered(**{name: PYTHON[name]}) == name


@pytest.mark.parametrize("options", [("-O",), ("-OO",), ("-W", "error"), ("-X", "dev"), ("-bb",)])
def test_an_option_of_python_alters_the_interpreter(options: tuple[str, ...]) -> None:
    assert altered(*options) == "an option of Python"


def test_an_unchanged_interpreter_is_kept() -> None:
    assert altered() == ""
    assert altered(PYTHONUNBUFFERED="1") == ""


def test_a_restarted_program_has_the_code_of_this_project_and_none_of_the_variables() -> None:
    env = built(PYTHONPATH=str(PROJECT), PYTHONOPTIMIZE="2", PYTHONWARNINGS="error")
    ran = subprocess.run([sys.executable, "-c", RESTARTS], env=env, cwd="/", capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.partition(" ")[0], ran.stderr) == (0, "votecheck", "")


@pytest.mark.parametrize(
    ("named", "kept"), [(os.getppid(), True), (1, os.getppid() == 1), (os.getpid(), False)], ids=["parent", "first", "itself"]
)
def test_only_a_process_that_started_this_one_is_its_parent(named: int, kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PARENT, str(named))
    with adopted():
        assert (PARENT in os.environ) is kept
