"""The benchmark runs, tells its figures, and does not measure past a fault."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.__main__ import Wrong, checked
from tests.bench.load import Load

SECONDS = 240


def bench(*options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", "tests.bench", *options], capture_output=True, text=True, timeout=SECONDS, check=False)


def test_it_tells_its_figures_and_compares(tmp_path: Path) -> None:
    first = bench("--quick", "--json", str(tmp_path / "a.json"))
    assert first.returncode == 0, first.stderr
    figures = json.loads((tmp_path / "a.json").read_text())["figures"]
    for name in ("votes/s, 1 worker", "votes/s, plain", "results/s", "consumer votes/s", "vote to result max s"):
        assert figures[name] > 0


def test_what_cannot_be_compared_with_is_said_before_anything_is_measured(tmp_path: Path) -> None:
    ran = bench("--compare", str(tmp_path / "none.json"))
    assert (ran.returncode, "cannot be read" in " ".join(ran.stderr.split())) == (2, True), ran.stderr


@pytest.mark.parametrize(("good", "bad"), [(10, 1), (0, 0)])
def test_a_wrong_answer_is_no_measurement(good: int, bad: int) -> None:
    with pytest.raises(Wrong):
        checked(Load(1.0, 1.0, 1.0, good, bad, generator_was_the_limit=False), "votes")
