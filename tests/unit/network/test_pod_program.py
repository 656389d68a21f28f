"""The program of the probe pods runs here as it does there: passed as text."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from validation.core.waiting import eventually
from validation.network import pod_program
from validation.targets.ports import free_port

PROGRAM = Path(pod_program.__file__).read_text(encoding="utf-8")


@pytest.fixture
def port() -> Iterator[int]:
    taken = free_port()
    with subprocess.Popen([sys.executable, "-I", "-c", PROGRAM, "listen", str(taken)]) as listener:
        try:
            eventually(lambda: pod_program.reachable("127.0.0.1", taken, "TCP"), bool, within=10)
            yield taken
        finally:
            listener.kill()


def test_each_line_of_targets_is_answered_with_the_names_that_are_reachable(port: int) -> None:
    nobody = free_port()
    tries = [["open", "127.0.0.1", port, "TCP"], ["echo", "127.0.0.1", port, "UDP"],
             ["shut", "127.0.0.1", nobody, "TCP"], ["deaf", "127.0.0.1", nobody, "UDP"]]  # fmt: skip
    lines = json.dumps(tries) + "\n" + json.dumps(tries[2:]) + "\n"
    done = subprocess.run([sys.executable, "-I", "-c", PROGRAM, "try"], input=lines, capture_output=True, text=True, timeout=30, check=True)
    assert [json.loads(line) for line in done.stdout.splitlines()] == [["echo", "open"], []]
