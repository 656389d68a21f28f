"""A footprint shows what a process holds: memory that it fills, files that it opens, threads that it starts."""

import os
import subprocess
import sys

import pytest

from validation.core.errors import ProbeError
from validation.probes.running import footprint

BYTES = 20 * 2**20


def test_memory_descriptors_and_threads_of_a_process_are_seen() -> None:
    hold = f"kept = b'x' * {BYTES}; files = [open('/dev/null') for _ in range(5)]"
    begin = "threading.Thread(target=input, daemon=True).start() if more else None; print(flush=True); threading.Event().wait(60)"
    found = []
    for more in (False, True):
        program = f"more = {more}; import threading; {hold if more else 'pass'}; {begin}"
        with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.readline()
            found.append(footprint.of(process.pid))
            process.kill()
    less, more_of = found
    assert BYTES * 0.9 < more_of.memory - less.memory < BYTES * 1.3
    assert more_of.descriptors - less.descriptors == 5
    assert more_of.threads - less.threads == 1


def test_a_process_that_is_measured_again_is_looked_at_again() -> None:
    work = f"sum(range(3_000_000)); kept = b'x' * {BYTES}; files = [open('/dev/null') for _ in range(5)]"
    program = f"print(flush=True); input(); {work}; print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        first, alone = footprint.of(process.pid), footprint.memory([process.pid])
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()
        later, then = footprint.of(process.pid), footprint.memory([process.pid])
        process.kill()
    assert later.memory - first.memory > BYTES * 0.9
    assert then - alone > BYTES * 0.9
    assert later.descriptors - first.descriptors == 5
    assert later.processor > first.processor


def test_memory_of_several_processes_is_added_and_one_that_ended_is_nothing() -> None:
    own = os.getpid()
    assert footprint.memory([own, own]) > 1.9 * footprint.memory([own]) > 0
    assert footprint.memory([2**22 + 1]) == 0


def test_a_process_that_ended_cannot_be_measured() -> None:
    with pytest.raises(ProbeError):
        footprint.of(2**22 + 1)
