"""`make load-ui`: the voting system, and Locust's web interface to load it, on this machine until Ctrl-C."""

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

from loadtests import ON_TIME

PROJECT = Path(__file__).parents[1]
PORT = 8089
LOOK_SECONDS, STARTS_SECONDS, ENDS_SECONDS = 0.1, 30.0, 30.0
Child = subprocess.Popen[str]


def main() -> int:
    """Run both until somebody interrupts or one ends, and leave nothing.

    Returns:
        The exit code: 0 after an interruption, 1 where one ended by itself.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    with contextlib.suppress(KeyboardInterrupt), ExitStack() as both:
        system = both.enter_context(_child("validation", "up", stderr=subprocess.PIPE))
        if not (address := _address(system)):
            return 1
        port = _port()
        told = ["-f", "loadtests/locustfile.py", "--host", address, "--class-picker", "--web-port", str(port), "--loglevel", "WARNING"]
        locust = both.enter_context(_child("locust", *told))
        until = time.monotonic() + STARTS_SECONDS
        while not _answers(port) and locust.poll() is None and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
        if locust.poll() is None:
            _tell(f"Locust's web interface is up: http://127.0.0.1:{port}/")
        while system.poll() is None and locust.poll() is None:
            time.sleep(LOOK_SECONDS)
        _tell("Locust ended by itself." if system.poll() is None else "The voting system ended by itself.")
        return 1
    return 0


@contextmanager
def _child(module: str, *told: str, stderr: int | None = None) -> Iterator[Child]:
    """Run a module, out of reach of the terminal's Ctrl-C: it is asked to end once, and by us."""
    environment = ON_TIME | os.environ
    child = subprocess.Popen(  # noqa: S603 - our own command line
        [sys.executable, "-m", module, *told], cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, stderr=stderr,
        start_new_session=True, text=True,
    )  # fmt: skip
    try:
        yield child
    finally:
        child.terminate()
        try:
            _tell((child.communicate(timeout=ENDS_SECONDS)[1] or "").strip())
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            _tell(f"{module} did not end within {ENDS_SECONDS:g} s and was killed.")


def _address(system: Child) -> str:
    """Wait for the system's address, and pass on what it says until then; empty: it ended."""
    for line in system.stderr or ():
        _tell(line.rstrip())
        if found := re.search(r"is up: (http://\S+?)/?$", line.rstrip()):
            return found[1]
    return ""


def _port() -> int:
    if not _answers(PORT):
        return PORT
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = int(other.getsockname()[1])
    _tell(f"Port {PORT} is taken; using another one.")
    return port


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _tell(said: str) -> None:
    if said:
        sys.stderr.write(f"{said}\n")
        sys.stderr.flush()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
