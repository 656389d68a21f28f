"""Locust follows a scenario to its end, and reports wrong options before it sends any request."""

import time
from collections import Counter
from pathlib import Path

import pytest

from loadtests import generator_stats
from loadtests.records import read
from tests.unit.loadtests.api import LOCUSTFILE, SHAPES, locust, served

BOTH = f"{LOCUSTFILE},{SHAPES}"
STEPS = """
[steps]
title = "Up and down"
users = { Voter = 1.0 }
steps = [[1.5, 20], [1.5, 80], [2, 40]]
budgets = {}

[shares]
title = "Three vote, and one watches"
users = { Voter = 0.75, Watcher = 0.25 }
steps = [[1, 40], [2, 80]]
budgets = {}

[odd]
title = "A rate that no whole number of users of ten requests a second has"
users = { Voter = 1.0 }
steps = [[2, 4], [2, 40]]
budgets = {}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "scenarios.toml").write_text(STEPS)
    return str(tmp_path / "scenarios.toml")


@pytest.mark.parametrize(("name", "rates"), [("steps", [(1.5, 20), (1.5, 80), (2, 40)]), ("odd", [(2, 4), (2, 40)])])
def test_the_load_follows_the_steps_and_ends(tmp_path: Path, file: str, name: str, rates: list[tuple[float, float]]) -> None:
    with served() as api:
        began = time.monotonic()
        arguments = ["--host", api.url, "--scenarios", file, "--scenario", name, "--records", str(tmp_path / "records")]
        done = locust(*arguments, "--csv", str(tmp_path / "locust"), "--html", str(tmp_path / "locust.html"), files=BOTH)
    lines = [line for _, line in read(tmp_path / "records")]
    (one,) = generator_stats.read(tmp_path / "records")
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < sum(seconds for seconds, _ in rates) + 5
    assert len(lines) == len(api.votes) + api.looks
    at = 0.0
    for seconds, rate in rates:
        sent = sum(at <= line.intended - one.began < at + seconds for line in lines)
        assert sent == pytest.approx(rate * seconds, abs=rate * 0.4 + 1)  # users start late on a busy machine
        at += seconds
    assert abs(one.planned - sum(line.intended - one.began < at for line in lines)) <= 2
    assert {"locust_stats.csv", "locust.html"} < {path.name for path in tmp_path.iterdir()}


def test_users_are_started_according_to_their_shares(tmp_path: Path, file: str) -> None:
    with served() as api:
        done = locust("--host", api.url, "--scenarios", file, "--scenario", "shares", "--records", str(tmp_path), files=BOTH)
    names = Counter(line.name for _, line in read(tmp_path))
    assert done.returncode == 0, done.stderr
    assert names["vote"] == pytest.approx(3 * names["results"], rel=0.15)
    assert set(names) == {"vote", "results"}


HOST = ["--host", "http://127.0.0.1:1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*HOST, "--scenario", "nothing"], "--scenario nothing does not exist. Valid names: baseline, ramp, spike, soak, mixed"),
        ([*HOST, "--scenario", "nothing", "--processes", "2"], "--scenario nothing does not exist. Valid names: baseline"),
        (HOST, "--scenario is missing. Valid names: baseline"),
        ([*HOST, "--scenario", "baseline", "--scenarios", "/nowhere"], "--scenarios /nowhere: FileNotFoundError"),
        ([*HOST, "--scenario", "baseline", "--scenarios", "pyproject.toml"], "--scenarios pyproject.toml: KeyError"),
        ([*HOST, "--scenario", "baseline", "Voter"], "determines the users: remove user classes and tags"),
        (["--scenario", "baseline"], "--host is missing. Pass the API's URL"),
        (["--scenario", "baseline", "--host", "127.0.0.1:8000"], "Invalid URL 127.0.0.1:8000: it must start with http"),
    ],
)
def test_wrong_usage_is_rejected_in_one_line_before_any_request(arguments: list[str], message: str) -> None:
    done = locust(*arguments, files=BOTH)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_tags_are_wrong_usage() -> None:
    done = locust(*HOST, "-u", "1", "-t", "1", "--tags", "nothing")
    assert done.returncode == 2
    assert "no task has these tags. Valid tags: vote, results, impatient" in done.stderr


def test_a_headless_run_without_requests_fails() -> None:
    done = locust(*HOST, "-u", "0", "-t", "1")
    assert done.returncode == 1
    assert "The run sent no requests." in done.stderr
