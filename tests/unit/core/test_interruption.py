"""The first signal interrupts, later ones do not cut the cleanup short, and a held block is not cut in two."""

import signal
import subprocess
import sys

import pytest

from validation.core.settings import PROJECT

HEAD = """
import os, signal, threading, time
from validation.core import interruption
def send(*numbers):
    for number in numbers:
        os.kill(os.getpid(), number)
        time.sleep(0.01)
interruption.install()
"""


def ended(program: str) -> str:
    """Run a program and return what it printed."""
    ran = subprocess.run([sys.executable, "-c", HEAD + program], cwd=PROJECT, capture_output=True, text=True, timeout=30, check=False)
    assert not ran.stderr, ran.stderr
    assert ran.returncode == 0
    return ran.stdout.strip()


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_each_signal_interrupts_and_later_ones_do_nothing(number: str) -> None:
    program = f"""
try:
    send(signal.{number})
    print("never")
except KeyboardInterrupt:
    send(signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    print("cleaned", interruption.received())
"""
    assert ended(program) == "cleaned True"


def test_a_held_block_is_interrupted_at_its_end() -> None:
    program = """
try:
    with interruption.Held():
        with interruption.Held():
            send(signal.SIGTERM)
            print("one")
        print("two")
    print("never")
except KeyboardInterrupt:
    print("end")
"""
    assert ended(program).split() == ["one", "two", "end"]


def test_a_block_held_by_another_thread_delays_nothing() -> None:
    program = """
other = threading.Thread(target=interruption.Held().__enter__)
other.start()
other.join()
try:
    send(signal.SIGINT)
    print("never")
except KeyboardInterrupt:
    print("at once")
"""
    assert ended(program) == "at once"


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        assert ended("send(signal.SIGHUP); print('goes on', interruption.received())") == "goes on False"
    finally:
        signal.signal(signal.SIGHUP, before)


def test_after_rearming_the_next_signal_interrupts_again() -> None:
    program = """
try:
    send(signal.SIGTERM)
except KeyboardInterrupt:
    interruption.rearm()
try:
    send(signal.SIGTERM)
    print("never")
except KeyboardInterrupt:
    print("again")
"""
    assert ended(program) == "again"


def test_once_the_exit_code_is_settled_no_signal_raises() -> None:
    program = "interruption.disarm(); send(signal.SIGINT); interruption.ignore(); send(signal.SIGTERM); print('settled')"
    assert ended(program) == "settled"
