"""What runs inside the pods, run here: as text, as it is there."""

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
            eventually(lambda: pod_program.answers("127.0.0.1", taken, "TCP"), bool, within=10)
            yield taken
        finally:
            listener.kill()


def test_line_by_line_it_tells_who_answers(port: int) -> None:
    nobody = free_port()
    tries = [["open", "127.0.0.1", port, "TCP"], ["echo", "127.0.0.1", port, "UDP"],
             ["shut", "127.0.0.1", nobody, "TCP"], ["deaf", "127.0.0.1", nobody, "UDP"]]  # fmt: skip
    lines = json.dumps(tries) + "\n" + json.dumps(tries[2:]) + "\n"
    told = subprocess.run([sys.executable, "-I", "-c", PROGRAM, "ask"], input=lines, capture_output=True, text=True, timeout=30, check=True)
    assert [json.loads(line) for line in told.stdout.splitlines()] == [["echo", "open"], []]
