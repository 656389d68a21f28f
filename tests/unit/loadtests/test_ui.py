"""Locust's web interface with the project's locustfile, and `make load-ui`."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from loadtests.ui import PORT
from tests.unit.loadtests.api import PROJECT, Api, command, lives, served
from tests.unit.servers import free_port
from validation.core.waiting import eventually

STARTS, ENDS = 30.0, 30.0
Child = subprocess.Popen[str]


@contextlib.contextmanager
def started(args: list[str], **environment: str) -> Iterator[Child]:
    child = subprocess.Popen(args, cwd=PROJECT, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.terminate()
        child.communicate(timeout=ENDS)


def shown(url: str) -> dict[str, Any]:
    """Return the template arguments of the page."""
    found = re.search(r"templateArgs = (\{.*\})", httpx.get(url, timeout=5).text)
    assert found is not None
    return dict(json.loads(found[1]))


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def addresses(process: int) -> set[tuple[str, int]]:
    return {(one.laddr.ip, one.laddr.port) for one in psutil.Process(process).net_connections("tcp") if one.status == "LISTEN"}


@pytest.fixture
def api() -> Iterator[Api]:
    with served() as serving:
        yield serving


@pytest.mark.parametrize("chosen", [{}, {"LOCUST_WEB_HOST": "127.0.0.2"}], ids=["by default", "as the environment says"])
def test_the_web_interface_binds_to_localhost_by_default(api: Api, chosen: dict[str, str]) -> None:
    port, host = free_port(), chosen.get("LOCUST_WEB_HOST", "127.0.0.1")
    with started(command("--host", api.url, "--web-port", str(port)), **chosen) as child:
        assert eventually(lambda: addresses(child.pid), bool, within=STARTS).value == {(host, port)}


def test_the_web_interface_starts_users_as_configured_in_the_form(api: Api, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with started(command("--host", api.url, "--web-port", str(port), "--class-picker", "--records", str(tmp_path))):
        assert eventually(lambda: listens(port), bool, within=STARTS).held
        form = shown(url)
        assert form["available_user_classes"] == ["Impatient", "Mixed", "Voter", "Watcher"]
        assert set(form["extra_options"]) == {"user_rate"}
        assert form["extra_options"]["user_rate"]["default_value"] == 10
        form_data = {"user_count": 1, "spawn_rate": 1, "user_rate": 100, "user_classes": "Voter"}
        assert httpx.post(f"{url}/swarm", data=form_data).json()["success"]
        assert eventually(lambda: len(api.votes), lambda votes: votes >= 60, within=5).seconds < 3
        assert httpx.post(f"{url}/stop").json()["success"]
        files = {path.suffix for path in tmp_path.iterdir()}
    assert files == {".votes", ".jsonl"}
    assert api.looks == 0


def test_load_ui_starts_both_on_free_ports_and_leaves_nothing_behind() -> None:
    with contextlib.ExitStack() as stack:
        if not listens(PORT):
            stack.enter_context(socket.create_server(("127.0.0.1", PORT)))
        child = stack.enter_context(started([sys.executable, "-m", "loadtests.ui"]))
        assert child.stderr is not None
        output = ""
        while "web interface is up" not in output:
            output += (line := child.stderr.readline())
            assert line, output
        system, page = re.findall(r"is up: (http://\S+)/", output)
        processes = psutil.Process(child.pid).children(recursive=True)
        assert f"Port {PORT} is in use; using port " in output
        assert httpx.get(f"{system}/health").status_code == 200
        assert shown(page)["host"] == system
        assert len(processes) > 3
        child.send_signal(signal.SIGINT)
        assert child.wait(ENDS) == 130
        assert not any(map(lives, processes))
