"""A part whose clock is shifted reads the shifted time everywhere, and the monotonic clocks stay right."""

import signal
import subprocess
import sys
from pathlib import Path

from validation.core.environment import built
from validation.faults.clock import PROGRAM, on_clock
from validation.targets.process import Child

PART = """
import datetime, os, signal, time
started = time.monotonic()
def ahead():
    now = datetime.datetime.now(datetime.timezone.utc)
    real = float(os.popen("date +%s.%N").read())
    return [round(value - real) for value in (time.time(), time.time_ns() / 1e9, now.timestamp())]
print(ahead(), isinstance(datetime.datetime(2020, 1, 1), datetime.datetime))
signal.raise_signal(signal.SIGUSR1)
print(ahead())
signal.raise_signal(signal.SIGUSR1)
print(ahead(), time.monotonic() - started < 60)
"""


def test_every_wall_clock_is_ahead_and_moves_on_at_each_signal(tmp_path: Path) -> None:
    (tmp_path / "part.py").write_text(PART, encoding="utf-8")
    words = [sys.executable, "-c", PROGRAM, "part", "86400", "-3600"]
    done = subprocess.run(words, cwd=tmp_path, env=built(HOME=str(tmp_path)), capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout.splitlines() == [f"{[86400] * 3} True", f"{[-3600] * 3}", f"{[0] * 3} True"]
    assert done.stderr == ""


def test_a_part_is_started_by_the_program_that_shifts_its_clock(tmp_path: Path) -> None:
    child = on_clock(Child("api", ["python", "-m", "system.api"], tmp_path, tmp_path), "api", (1.0, -1.0))
    assert child.command == [sys.executable, "-c", PROGRAM, "system.api", "1.0", "-1.0"]
    assert child.stop_signal != signal.SIGUSR1
