"""However a run ends, it leaves no processes behind and its requests are recorded."""

import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from loadtests.records import read
from tests.unit.loadtests.api import LOCUSTFILE, PRECISE, PROJECT, SHAPES, command, lives, served
from validation.core.waiting import eventually

WITHIN = 20.0


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_no_process_is_left_and_every_request_is_recorded(tmp_path: Path, number: signal.Signals, processes: int) -> None:
    scenario = '[long]\ntitle = "Long"\nusers = { Voter = 1.0 }\nsteps = [[1, 40], [60, 40]]\nbudgets = {}\n'
    (tmp_path / "scenarios.toml").write_text(scenario)
    options = ["--headless", "--scenario", "long", "--scenarios", str(tmp_path / "scenarios.toml"), "--records", str(tmp_path / "records")]
    spread = ["--processes", str(processes)] if processes > 1 else []
    with served() as api:
        full = command(*options, *spread, "--host", api.url, files=f"{LOCUSTFILE},{SHAPES}")
        with subprocess.Popen(full, cwd=PROJECT, env=PRECISE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
            assert eventually(lambda: len(api.votes), lambda votes: votes > 80, within=WITHIN).held
            started = psutil.Process(child.pid).children(recursive=True)
            child.send_signal(number)
            assert child.wait(WITHIN) == (-number if number is signal.SIGKILL else 0)
        assert len(started) == (processes if processes > 1 else 0)
        assert eventually(lambda: any(map(lives, started)), lambda left: not left, within=WITHIN).held
        noted = [line for _, line in read(tmp_path / "records")]
        if number is signal.SIGKILL and processes == 1:
            assert len(api.votes) - 80 <= len(noted) <= len(api.votes)  # all except the last one or two seconds
        else:
            assert len(noted) == len(api.votes)
            assert {line.status for line in noted} == {201}
