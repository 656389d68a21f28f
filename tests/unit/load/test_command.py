"""`votecheck load` by the real command: what it finds, what it refuses, and what it keeps of a bad day."""

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.unit.api.test_process import Process, started
from validation.core.settings import PROJECT
from validation.targets.cleanup import MARK

SECONDS = 120.0


def command(reports: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "validation", "load", *arguments, "--reports", str(reports)]


def load(reports: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(reports, *arguments), cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS, check=False)


def result(reports: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((reports / "load-latest" / "load.json").read_text())
    return told


def checks(reports: Path) -> dict[str, bool | None]:
    return {check["what"]: check["held"] for check in result(reports)["checks"]}


def test_every_vote_of_a_short_load_run_is_found_and_nothing_is_left(tmp_path: Path) -> None:
    ended = load(tmp_path, "baseline", "--rate", "200", "--seconds", "3")
    told = result(tmp_path)
    assert "Traceback" not in ended.stderr
    assert told["verdict"] in ended.stderr
    assert ended.returncode == {"NO-GO": 1, "INCOMPLETE": 3, "PARTIAL": 4}[told["verdict"]]
    assert told["reductions"] == ["Lower rate: 200 requests per second instead of 2000.", "Shorter: 3 s instead of 30 s."]
    reconciliation = told["reconciliation"]
    assert 1000 < reconciliation["accepted"] <= told["planned"]
    assert (
        reconciliation["lost"],
        reconciliation["never_accepted"],
        reconciliation["wrong_option"],
        reconciliation["count_difference"],
    ) == (
        0,
        0,
        0,
        0,
    )
    assert {"api", "consumer", "redis", "postgres", "generator"} <= {part for sample in told["samples"] for part in sample["cpu"]}
    for file in ("index.html", "load.md", "junit.xml", "seconds.csv", "locust.html", "locust_stats.csv", "scenarios.toml"):
        assert (tmp_path / "load-latest" / file).stat().st_size > 100
    run = told["run"]
    assert [p for p in psutil.process_iter() if _marked(p, run)] == []


def _marked(process: psutil.Process, run: str) -> bool:
    try:
        return process.environ().get(MARK) == run
    except psutil.Error:
        return False


def test_an_interrupted_load_run_exits_with_130_and_its_votes_are_looked_up(tmp_path: Path) -> None:
    child = subprocess.Popen(command(tmp_path, "baseline", "--rate", "200"), cwd=PROJECT, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while not any(f.stat().st_size > 20_000 for f in tmp_path.glob("*/records/*.votes")):
        assert time.monotonic() < end, "nothing was voted"
        assert child.poll() is None
        time.sleep(0.1)
    child.send_signal(signal.SIGTERM)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Traceback" not in said
    told = result(tmp_path)
    assert told["verdict"] == "INCOMPLETE"
    assert told["reconciliation"]["accepted"] > 100
    assert (told["reconciliation"]["lost"], told["reconciliation"]["never_accepted"]) == (0, 0)


def kill_when_busy(api: Process) -> None:
    """Kill an API once it has answered enough votes to be in the middle of a load run, however slow the machine."""
    assert api.child.stdout is not None
    votes = (line for line in api.child.stdout if '"route":"/api/vote"' in line)
    for _ in zip(range(100), votes, strict=False):
        pass
    api.child.kill()


def test_an_api_that_crashes_halfway_is_no_go_and_earlier_votes_are_kept(tmp_path: Path) -> None:
    with started() as api:
        address = ["--api-url", f"http://127.0.0.1:{api.port}"]
        killing = threading.Thread(target=kill_when_busy, args=(api,))
        killing.start()
        ended = load(tmp_path, "baseline", "--rate", "50", "--seconds", "5", *address)
        killing.join()
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    held = checks(tmp_path)
    assert held["vote, failures"] is False
    assert held["every vote by its id"] is None


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["basline"], 2, ["basline"]),
        (["baseline", "--target", "moon"], 2, ["moon", "containers"]),
        (["baseline", "--rate", "0"], 2, ["--rate"]),
        (["baseline", "--fault", "the sky falls"], 2, ["the sky falls", "consumer a is killed"]),
        (["baseline", "--api-url", "ftp://x"], 2, ["--api-url", "http"]),
        (["baseline", "--api-url", "http://127.0.0.1:1"], 3, ["127.0.0.1:1", "Nothing answers"]),
        (["noise", "basline"], 2, ["basline", "baseline"]),
        (["compare", "no-such-run"], 2, ["no-such-run"]),
    ],
)
def test_wrong_usage_is_refused_at_once(tmp_path: Path, arguments: list[str], code: int, words: list[str]) -> None:
    ended = load(tmp_path, *arguments)
    assert ended.returncode == code
    assert "Traceback" not in ended.stderr
    for word in words:
        assert word in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_missing_load_run_is_named_with_those_that_exist(tmp_path: Path) -> None:
    for name in ("load-20261129-091500-1a2b", "load-20261130-091500-1a2b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "load.json").write_text("{}")
    ended = load(tmp_path, "compare", "load-nope")
    assert ended.returncode == 2
    shown = [line.strip() for line in ended.stderr.splitlines()]
    assert shown[1:3] == ["load-20261129-091500-1a2b", "load-20261130-091500-1a2b"]
    assert shown[0] == f"There is no load run load-nope in {tmp_path}. Latest runs:"


def test_a_server_that_is_not_a_voting_system_is_not_loaded(tmp_path: Path) -> None:
    asked: list[str] = []

    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_POST = do_GET  # noqa: N815 - the library's name

        def log_message(self, *args: object) -> None:
            """Be quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ended = load(tmp_path, "baseline", "--api-url", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert ended.returncode == 3
    assert "not the voting API" in ended.stderr
    assert "/api/vote" not in asked


def test_a_budget_for_an_unknown_request_name_is_rejected_before_any_load(tmp_path: Path) -> None:
    scenarios = PROJECT / "loadtests" / "scenarios.toml"
    program = (
        "import sys, pathlib, loadtests.scenario as s; f = pathlib.Path(sys.argv.pop(1)); s.FILE = f; "
        "import validation.__main__ as m; m.start()"
    )
    own = tmp_path / "own.toml"
    own.write_text(scenarios.read_text().replace("budgets.vote", "budgets.vots", 1))
    told = [sys.executable, "-c", program, str(own), "load", "baseline", "--reports", str(tmp_path)]
    ended = subprocess.run(told, cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS, check=False, env=dict(os.environ))
    assert ended.returncode == 2
    assert "vots" in ended.stderr
    assert not list(tmp_path.glob("*/records"))
