"""A fork finds what a part finds in an interpreter of its own, and ends like it."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from validation.core.environment import built
from validation.core.errors import HarnessError
from validation.core.settings import PROJECT
from validation.core.waiting import eventually
from validation.targets.local import forking
from validation.targets.local.forking import Fork, ForkedPart, ForkServer
from validation.targets.process import Child

STATES_ITS_SURROUNDINGS = """
import json, os, signal, sys, threading

json.dump({
    "argv": sys.argv, "path": sys.path, "flags": list(sys.flags), "name": __name__, "spec": sys.modules["__main__"].__spec__.name,
    "environment": dict(os.environ), "directory": os.getcwd(), "umask": os.umask(0o22), "user": os.getuid(),
    "descriptors": sorted(int(one) for one in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{one}")),
    "handlers": {int(one): str(signal.getsignal(one)).split(" at ")[0] for one in signal.valid_signals()},
    "leads its session": os.getsid(0) == os.getpid(), "threads": threading.active_count(),
    "encoding": [sys.stdout.encoding, sys.stderr.encoding, sys.getfilesystemencoding()],
    "unbuffered": sys.stdout.write_through, "ours": [name for name in sys.modules if name.split(".")[0] in {"system", "validation"}],
}, sys.stdout)
"""
WAITS = "import time\nprint('up')\ntime.sleep(60)\n"
EXITS = "import sys\nsys.exit(7)\n"
RAISES = "raise ValueError('broken')\n"
SPAWNS = """
import multiprocessing

def work():
    print("worked as", __name__)

if __name__ == "__main__":
    worker = multiprocessing.get_context("spawn").Process(target=work)
    worker.start()
    worker.join()
"""
PROGRAMS = {"states": STATES_ITS_SURROUNDINGS, "waits": WAITS, "exits": EXITS, "raises": RAISES, "spawns": SPAWNS}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    folder = tmp_path_factory.mktemp("forks")
    for name, text in PROGRAMS.items():
        (folder / f"{name}.py").write_text(text)
    made = ForkServer(folder, folder)
    yield made
    made.close()


def part(server: ForkServer, module: str, tmp_path: Path, **env: str) -> ForkedPart:
    made = ForkedPart(module, [sys.executable, "-m", module], tmp_path, server._source, env)
    made.server = server
    return made


def ended(child: Child) -> tuple[int | None, str]:
    child.start()
    code = child.wait(within=20).value
    return code, child.output()


def test_a_fork_finds_what_a_fresh_interpreter_finds(server: ForkServer, tmp_path: Path) -> None:
    forked = part(server, "states", tmp_path, API_PORT="80")
    fresh = Child("states", forked.command, tmp_path, forked.folder, forked.env)
    found = json.loads(ended(forked)[1])
    assert isinstance(forked._popen, Fork)
    assert found == json.loads(ended(fresh)[1])
    assert found["environment"]["API_PORT"] == "80"


def test_a_variable_that_a_part_is_not_given_is_not_set(server: ForkServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = part(server, "states", tmp_path)
    given = child._variables()
    monkeypatch.setattr(child, "_variables", lambda: {name: value for name, value in given.items() if name != "PYTHONUNBUFFERED"})
    assert "PYTHONUNBUFFERED" in given
    assert json.loads(ended(child)[1])["environment"] == child._variables()


@pytest.mark.parametrize("module", ["exits", "raises", "spawns"])
def test_a_fork_ends_as_a_fresh_interpreter_does(server: ForkServer, tmp_path: Path, module: str) -> None:
    forked = part(server, module, tmp_path)
    fresh = Child(module, forked.command, tmp_path, forked.folder)
    (code, output), (expected, printed) = ended(forked), ended(fresh)
    assert code == expected
    assert output.splitlines()[-1:] == printed.splitlines()[-1:]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_a_fork(server: ForkServer, tmp_path: Path, number: signal.Signals) -> None:
    child = part(server, "waits", tmp_path)
    child.start()
    assert eventually(child.output, lambda text: text == "up\n", within=20).held
    assert (child.alive, child.exit_code) == (True, None)
    child.send(number)
    assert child.wait(within=10).value == -number
    assert not child.alive
    child.send(number)  # it is gone: nothing happens
    assert not psutil.pid_exists(child.pid)


def test_a_frozen_fork_is_resumed_and_killed(server: ForkServer, tmp_path: Path) -> None:
    child = part(server, "waits", tmp_path)
    child.start()
    child.pause()
    assert eventually(lambda: child.frozen, bool, within=10).held  # a signal takes effect when the kernel runs the process
    child.resume()
    assert eventually(lambda: child.frozen, lambda frozen: not frozen, within=10).held
    child.kill()
    assert child.exit_code == -signal.SIGKILL


def test_parts_that_are_forked_side_by_side_have_one_server(tmp_path: Path) -> None:
    (tmp_path / "exits.py").write_text(EXITS)
    server, begin = ForkServer(tmp_path, tmp_path), threading.Barrier(6)

    def forked(number: int) -> str:
        child = part(server, "exits", tmp_path / str(number))
        child.run_folder.mkdir()
        begin.wait(20)
        try:
            return str(ended(child)[0])
        except HarnessError as failed:
            return str(failed)

    try:
        with ThreadPoolExecutor(begin.parties) as pool:
            codes = list(pool.map(forked, range(begin.parties)))
    finally:
        server.close()
    assert codes == ["7"] * begin.parties


@pytest.mark.parametrize("name", ["PYTHONHASHSEED", "OTEL_TRACES_SAMPLER", "SSL_CERT_FILE"])
def test_a_variable_that_an_import_may_read_needs_a_fresh_interpreter(server: ForkServer, tmp_path: Path, name: str) -> None:
    child = part(server, "exits", tmp_path, **{name: "1"})
    assert ended(child)[0] == 7
    assert isinstance(child._popen, subprocess.Popen)


def test_a_program_of_its_own_needs_a_fresh_interpreter(server: ForkServer, tmp_path: Path) -> None:
    child = part(server, "exits", tmp_path)
    child.run_program("import sys; sys.exit(5)")
    assert ended(child)[0] == 5
    assert isinstance(child._popen, subprocess.Popen)


def test_without_its_server_the_end_of_a_fork_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "waits.py").write_text(WAITS)
    server = ForkServer(tmp_path, tmp_path)
    child = part(server, "waits", tmp_path)
    child.start()
    assert eventually(child.output, bool, within=20).held
    assert server._process is not None
    server._process.kill()
    server._process.wait()
    try:
        with pytest.raises(HarnessError, match="The fork server has ended"):
            _ = child.exit_code
        with pytest.raises(HarnessError, match="The fork server has ended"):
            part(server, "waits", tmp_path).start()
    finally:
        os.kill(child.pid, signal.SIGKILL)
        server.close()


LOADED = "import importlib, sys; [importlib.import_module(one) for one in sys.argv[1:]]; print(*sys.modules)"


def loaded(*modules: str) -> set[str]:
    ran = subprocess.run([sys.executable, "-c", LOADED, *modules], cwd=PROJECT, env=built(), capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_a_fork_imports_only_the_system_and_no_library_that_the_system_does_not_use() -> None:
    of_uvicorn = [name for name in forking.LIBRARIES if name.startswith("uvicorn.")]  # it imports them when it serves
    prepared, parts = (
        loaded(*forking.LIBRARIES),
        loaded("system.api.__main__", "system.consumer.__main__", "system.db.migrate", *of_uvicorn),
    )
    assert {name for name in parts - prepared if name.partition(".")[0] not in sys.stdlib_module_names} == {
        name for name in parts if name.partition(".")[0] == "system"
    }
    assert prepared - parts == set()
