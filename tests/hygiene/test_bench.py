"""The benchmark runs, tells its figures, and does not measure past a fault."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.load import Load
from tests.bench.parts import Wrong, checked

SECONDS = 240


def bench(*options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.bench", *options]
    wide = os.environ | {"COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, env=wide)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("bench") / "first.json"
    ran = bench("--quick", "--json", str(file))
    assert ran.returncode == 0, ran.stderr
    return file


def figures(file: Path) -> dict[str, float]:
    told: dict[str, float] = json.loads(file.read_text(encoding="utf-8"))["figures"]
    return told


@pytest.mark.parametrize(
    "name",
    ["votes/s, 1 worker", "votes/s, plain", "results/s", "consumer votes/s", "vote to result max s", "event streams: KiB of memory each"],
)
def test_it_tells_how_fast_each_part_is(first: Path, name: str) -> None:
    assert figures(first)[name] > 0


@pytest.mark.parametrize(
    "name", ["consumer votes/s, random ids", "consumer votes/s, ordered ids", "vote p99 ms", "get_vote_results ms", "uncached results ms"]
)
def test_it_tells_what_each_costs_after_few_votes_and_after_many(first: Path, name: str) -> None:
    told = figures(first)
    few, many = told[f"{name} after 1,000"], told[f"{name} after 10,000"]
    assert min(few, many) > 0
    assert told[f"{name}, 10,000 to 1,000"] == pytest.approx(many / few)


def test_sixty_four_readers_cost_a_reading_of_the_database_in_two_seconds(first: Path) -> None:
    assert 1 <= figures(first)["database reads in 1 s of results"] <= 3  # a slow machine takes longer than the second


def test_it_compares_with_an_earlier_run(first: Path, tmp_path: Path) -> None:
    second = tmp_path / "second.json"
    ran = bench("--quick", "--json", str(second), "--compare", str(first))
    assert ran.returncode == 0, ran.stderr
    before, now = figures(first), figures(second)
    assert list(now) == list(before)
    rows = {
        cells[1].strip(): [cell.strip() for cell in cells[2:-1]]
        for line in ran.stderr.splitlines()
        if len(cells := re.split("[│┃]", line)) > 4
    }
    assert rows.pop("") == ["now", "earlier", "ratio"]
    assert rows == {
        name: [f"{now[name]:,.2f}", f"{before[name]:,.2f}", f"{now[name] / before[name]:.2f}" if before[name] else ""] for name in now
    }


def test_an_unusable_comparison_is_rejected_before_anything_is_measured(tmp_path: Path) -> None:
    ran = bench("--compare", str(tmp_path / "none.json"))
    assert (ran.returncode, "cannot be read" in " ".join(ran.stderr.split())) == (2, True), ran.stderr


@pytest.mark.parametrize(("good", "bad"), [(10, 1), (0, 0)])
def test_a_wrong_answer_does_not_count_as_a_measurement(good: int, bad: int) -> None:
    with pytest.raises(Wrong):
        checked(Load(1.0, 1.0, 1.0, good, bad, generator_was_the_limit=False), "votes")
