"""A part's clock differs by what its file says, at any time."""

import subprocess
import sys
from pathlib import Path

from validation.model import clocks

PROGRAM = """
import sys, time
from datetime import UTC, datetime
for line in sys.stdin:
    now = datetime.now(UTC)
    print(time.time(), time.time_ns() / 1e9, now.timestamp(), datetime.now().timestamp(), isinstance(now, datetime), flush=True)
"""


def test_the_clock_of_a_part_jumps(tmp_path: Path) -> None:
    (tmp_path / "told.py").write_text(PROGRAM, encoding="utf-8")
    clock = tmp_path / "clock"
    clocks.write(clock, 0.0)
    command = [sys.executable, "-c", clocks.PROGRAM, str(clock), "told"]
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as part:
        assert part.stdin
        assert part.stdout
        seen = []
        for offset in (0.0, 86_400.0, -3600.0):
            clocks.write(clock, offset)
            part.stdin.write("\n")
            part.stdin.flush()
            seen.append(part.stdout.readline().split())
        part.stdin.close()
    (first, *_), (second, *_), (third, *_) = seen
    assert round((float(second) - float(first)) / 3600) == 24
    assert round((float(third) - float(first)) / 3600) == -1
    for *times, is_datetime in seen:
        assert max(map(float, times)) - min(map(float, times)) < 1
        assert is_datetime == "True"
