"""Locust in a pod: its results can be fetched after it has ended, and not before."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from loadtests.pod import ENDED
from tests.unit.loadtests.api import LOCUSTFILE, PRECISE, PROJECT, Api, served
from validation.core.waiting import eventually
from validation.targets.ports import free_port

WITHIN = 20.0


@contextmanager
def in_pod(results: Path, port: int, *given: str) -> Iterator["subprocess.Popen[bytes]"]:
    program = f"import pathlib, sys; from loadtests.pod import main; sys.exit(main({list(given)}, pathlib.Path({str(results)!r}), {port}))"
    with subprocess.Popen([sys.executable, "-c", program], cwd=PROJECT, env=PRECISE) as child:
        try:
            yield child
        finally:
            child.terminate()
            assert child.wait(WITHIN) == 0


def options(api: Api, results: Path, *more: str) -> list[str]:
    return [
        "-f",
        LOCUSTFILE,
        "--headless",
        "--users",
        "2",
        "--host",
        api.url,
        "--only-summary",
        "--records",
        str(results / "records"),
        *more,
    ]


def ended(port: int) -> dict[str, object] | None:
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/{ENDED}", trust_env=False)
    except httpx.HTTPError:
        return None
    return json.loads(answer.content) if answer.status_code == 200 else None


def test_complete_results_are_available_after_the_end(tmp_path: Path) -> None:
    port = free_port()
    with served() as api, in_pod(tmp_path, port, *options(api, tmp_path, "--run-time", "2s", "--csv", str(tmp_path / "locust"))):
        assert eventually(lambda: len(api.votes), bool, within=WITHIN).held
        assert ended(port) is None
        summary = eventually(lambda: ended(port), bool, within=WITHIN).value
        assert summary is not None
        assert summary["code"] == 0
        files = summary["files"]
        assert isinstance(files, dict)
        assert {"locust_stats.csv"} < set(files)
        fetched = {name: httpx.get(f"http://127.0.0.1:{port}/{name}", trust_env=False).content for name in files}
    assert {name: len(content) for name, content in fetched.items()} == files
    assert sum(len(content) for name, content in fetched.items() if name.endswith(".votes")) == 48 * (len(api.votes) + api.looks)


def test_an_interruption_stops_the_load_and_keeps_the_results(tmp_path: Path) -> None:
    port = free_port()
    with served() as api, in_pod(tmp_path, port, *options(api, tmp_path, "--run-time", "10m")) as child:
        assert eventually(lambda: len(api.votes), lambda votes: votes > 10, within=WITHIN).held
        child.send_signal(signal.SIGINT)
        summary = eventually(lambda: ended(port), bool, within=WITHIN).value
        child.send_signal(signal.SIGINT)  # Locust has already ended
        assert summary is not None
        assert any(name.endswith(".votes") for name in summary["files"])  # type: ignore[attr-defined]
        assert ended(port) == summary


@pytest.mark.parametrize("option", ["--no-such-option", "--host=nowhere"])
def test_wrong_usage_keeps_the_exit_code_of_locust(tmp_path: Path, option: str) -> None:
    port = free_port()
    with in_pod(tmp_path, port, "-f", LOCUSTFILE, "--headless", option):
        summary = eventually(lambda: ended(port), bool, within=WITHIN).value
    assert summary is not None
    assert summary["code"] == 2
