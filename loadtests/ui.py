"""`make load-ui`: run the voting system and Locust's web interface on this machine until Ctrl-C."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from loadtests import LOCUST_ENVIRONMENT

PROJECT = Path(__file__).parents[1]
PORT = 8089
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130
POLL_SECONDS, START_SECONDS, STOP_SECONDS = 0.1, 30.0, 30.0
Child = subprocess.Popen[str]


def main() -> int:
    """Run both until interrupted or until one exits, then stop both.

    Returns:
        The exit code: 130 after an interruption, 1 if one of them exited.
    """
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    with contextlib.suppress(KeyboardInterrupt), ExitStack() as both:
        system = both.enter_context(_child("validation", "up", stderr=subprocess.PIPE))
        if not (address := _address(system)):
            return 1
        port = _port()
        options = ["-f", "loadtests/locustfile.py", "--host", address, "--class-picker", "--web-port", str(port), "--loglevel", "WARNING"]
        locust = both.enter_context(_child("locust", *options))
        until = time.monotonic() + START_SECONDS
        while not _is_open(port) and locust.poll() is None and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
        if locust.poll() is None:
            _print(f"Locust's web interface is up: http://127.0.0.1:{port}/")
        while system.poll() is None and locust.poll() is None:
            time.sleep(POLL_SECONDS)
        _print("Locust exited unexpectedly." if system.poll() is None else "The voting system exited unexpectedly.")
        return 1
    return INTERRUPTED


@contextmanager
def _child(module: str, *arguments: str, stderr: int | None = None) -> Iterator[Child]:
    """Run a module in its own session: the terminal's Ctrl-C does not reach it, so it is stopped exactly once, from here."""
    environment = LOCUST_ENVIRONMENT | os.environ
    child = subprocess.Popen(  # noqa: S603 - a fixed command
        [sys.executable, "-m", module, *arguments], cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, stderr=stderr,
        start_new_session=True, text=True,
    )  # fmt: skip
    try:
        yield child
    finally:
        child.terminate()
        try:
            _print((child.communicate(timeout=STOP_SECONDS)[1] or "").strip())
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            _print(f"{module} did not stop within {STOP_SECONDS:g} s and was killed.")


def _address(system: Child) -> str:
    """Return the system's URL, and print its output until then. The URL is empty if the system exited."""
    for line in system.stderr or ():
        _print(line.rstrip())
        if found := re.search(r"is up: (http://\S+?)/?$", line.rstrip()):
            return found[1]
    return ""


def _port() -> int:
    if not _is_open(PORT):
        return PORT
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = int(other.getsockname()[1])
    _print(f"Port {PORT} is in use; using port {port} instead.")
    return port


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _print(text: str) -> None:
    if text and sys.stderr:
        with contextlib.suppress(OSError):  # the terminal is gone; both must still be stopped
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for number in SIGNALS:
        signal.signal(number, _ignore)  # a second signal must not cut the stopping short
    raise KeyboardInterrupt


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing. A child would inherit SIG_IGN."""


if __name__ == "__main__":
    sys.exit(main())
