"""`python -m loadtests.pod [OPTIONS]`: Locust in a pod that stays, once it has ended, until its results are fetched.

A pod's files go with it, and what it prints is cut off at some size. So whoever wants the results forwards port 8088, waits for
`ended.json`, takes the files that it names, and deletes the pod. SIGINT ends the load only; SIGTERM, as to a pod that is deleted, all.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType

RESULTS = Path("/results")
"""Where Locust is to write what it notes: its `--records`, `--html` and `--csv`."""
PORT = 8088
"""Of 127.0.0.1, which in a pod only a forwarded port reaches."""
ENDED = "ended.json"
"""Tells Locust's exit code, and the size in bytes of each file by its path below the folder; it is there once they are whole."""


def main(told: list[str], results: Path = RESULTS, port: int = PORT) -> int:
    """Run Locust, then hold out what it has noted.

    Args:
        told: Locust's own options.
        results: the folder with what it notes.
        port: where that can be fetched.

    Returns:
        The exit code, once somebody ends this: 0.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    with ThreadingHTTPServer(("127.0.0.1", port), partial(_Silent, directory=os.fspath(results))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        locust = subprocess.Popen([sys.executable, "-m", "locust", *told])  # noqa: S603 - our own command line
        try:
            code = _ended(locust)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            files = {str(file.relative_to(results)): file.stat().st_size for file in sorted(results.rglob("*")) if file.is_file()}
            whole = results / f".{ENDED}"
            whole.write_text(json.dumps({"code": code, "files": files}), encoding="utf-8")
            whole.rename(results / ENDED)
            threading.Event().wait()
        except SystemExit:
            locust.kill()
        server.shutdown()
    return 0


def _ended(locust: "subprocess.Popen[bytes]") -> int:
    while True:
        try:
            return locust.wait()
        except KeyboardInterrupt:
            locust.terminate()


def _end(number: int, _frame: FrameType | None) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit


class _Silent(SimpleHTTPRequestHandler):
    """Hands out files and does not tell of it: the log is Locust's."""

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - as it is called
        """Say nothing."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
