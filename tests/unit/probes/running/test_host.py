"""What this run uses is never held against others, and what others use is seen; a real process burns the processors."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from validation.core import environment
from validation.core.settings import RunSettings
from validation.probes.running import host
from validation.probes.running.host import Look, Use, Watch, average, between, look, tree_seconds

BURN = "import time; end = time.monotonic() + {}\nwhile time.monotonic() < end: pass"


@contextlib.contextmanager
def burning(seconds: float = 30.0) -> Iterator[list[psutil.Process]]:
    """Burn every processor for the duration of the block, at most for some seconds."""
    count = len(os.sched_getaffinity(0))
    started = [subprocess.Popen([sys.executable, "-c", BURN.format(seconds)]) for _ in range(count)]
    try:
        yield [psutil.Process(one.pid) for one in started]
    finally:
        for one in started:
            one.kill()
            one.wait()


def seen(begun: Look) -> Use:
    use = between(begun, look(tree_seconds))
    assert use is not None
    return use


def burnt(processes: list[psutil.Process]) -> float:
    return sum(sum(one.cpu_times()[:2]) for one in processes)


def test_what_this_run_starts_is_its_own_also_after_it_ended() -> None:
    begun = tree_seconds()
    with burning() as processes:
        time.sleep(1.5)
        used = burnt(processes)
        assert used > 0.1
        assert tree_seconds() - begun > used - 0.02  # two ticks of the kernel
    assert tree_seconds() - begun > used - 0.02  # two ticks of the kernel


def test_what_others_burn_is_not_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with burning() as processes:
        quiet = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        monkeypatch.setenv(environment.PARENT, str(quiet.pid))  # this run is another process, and these are others to it
        begun = look(tree_seconds)
        time.sleep(2)
        use = seen(begun)
        quiet.communicate(b"\n")
        assert burnt(processes) > 0.2
    assert use.saturated_by_others
    assert use.own is not None
    assert use.own < 0.1
    assert "by others" in str(use)


def test_a_watch_describes_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with burning():
        described = Watch(RunSettings()).since_now()
        monkeypatch.setenv(environment.PARENT, "1")  # everything on this machine belongs to the run
        own = Watch(RunSettings()).since_now()
        unknown = Watch(RunSettings(api_url="http://127.0.0.1:1")).since_now()
        time.sleep(1.0)
        assert own() == ""
        assert unknown() == ""
        monkeypatch.setenv(environment.PARENT, str(os.getpid()))
        assert isinstance(described(), str)


@pytest.mark.parametrize(
    ("idle", "own", "steal", "saturated"),
    [
        (0.0, 0.5, 0.0, True),
        (0.09, 0.65, 0.0, True),
        (0.0, 0.9, 0.0, False),  # the system under test itself is what keeps it busy
        (0.0, 1.0, 0.0, False),
        (0.2, 0.0, 0.0, False),  # a fifth of the machine was free
        (0.0, 0.7, 0.3, True),  # taken by the hypervisor
        (0.0, None, 0.0, False),  # unknown
    ],
)
def test_saturated_by_others_is_a_busy_machine_that_would_have_had_room(
    idle: float, own: float | None, steal: float, *, saturated: bool
) -> None:
    first = Look(0.0, 0.0, 0.0, 0.0, None if own is None else 0.0, {"cpu": 1.0})
    last = Look(10.0, 20.0, 20.0 * idle, 20.0 * steal, None if own is None else 20.0 * own, {"cpu": 6.0})
    use = between(first, last)
    assert use is not None
    assert use.saturated_by_others is saturated
    assert use.pressure == {"cpu": 0.5}
    assert use.busy == pytest.approx(1 - idle)


def test_a_kernel_without_pressure_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(host, "PRESSURE", tmp_path)
    begun = look(tree_seconds)
    time.sleep(0.1)
    assert "pressure (PSI): not available" in str(seen(begun))


@pytest.mark.parametrize(
    ("settings", "can"),
    [
        (RunSettings(), True),
        (RunSettings(target="containers"), False),
        (RunSettings(target="cluster"), False),
        (RunSettings(api_url="http://x"), False),
        (RunSettings(redis_url="redis://x"), False),
        (RunSettings(database_url="postgresql://x"), False),
    ],
)
def test_only_what_runs_below_this_process_can_be_told_apart(settings: RunSettings, *, can: bool) -> None:
    assert host.can_tell_own(settings) is can


def test_an_average_weighs_windows_by_their_length() -> None:
    uses = [Use(1.0, 1.0, 0.5, 0.0, {"cpu": 0.5, "io": 0.1}, 3.0), Use(3.0, 0.2, 0.1, 0.0, {"cpu": 0.1}, 4.0)]
    assert average(uses) == Use(4.0, pytest.approx(0.4), pytest.approx(0.2), 0.0, {"cpu": pytest.approx(0.2)}, 4.0)
    assert average([]) is None
