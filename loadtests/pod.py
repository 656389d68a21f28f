"""`python -m loadtests.pod [OPTIONS]`: run Locust in a pod that stays up after the load test until its results are fetched.

A pod's files are deleted with it, and its log is truncated at some size. To get the results, forward port 8088, wait for `ended.json`,
download the files it lists, then delete the pod. SIGINT stops only Locust; SIGTERM, sent when the pod is deleted, stops everything.
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
"""Folder for Locust's output: `--records`, `--html` and `--csv`."""
PORT = 8088
"""Bound to 127.0.0.1, which in a pod is only reachable by port forwarding."""
ENDED = "ended.json"
"""Locust's exit code, and the size in bytes of each file by its path below the folder. It appears once all files are complete."""


def main(arguments: list[str], results: Path = RESULTS, port: int = PORT) -> int:
    """Run Locust, then serve its results until SIGTERM.

    Args:
        arguments: Locust's own options.
        results: folder with the results.
        port: port that serves the results.

    Returns:
        The exit code: always 0.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    with ThreadingHTTPServer(("127.0.0.1", port), partial(_Silent, directory=os.fspath(results))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        locust = subprocess.Popen([sys.executable, "-m", "locust", *arguments])  # noqa: S603 - a fixed command
        try:
            code = _wait(locust)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            files = {str(file.relative_to(results)): file.stat().st_size for file in sorted(results.rglob("*")) if file.is_file()}
            partial_file = results / f".{ENDED}"
            partial_file.write_text(json.dumps({"code": code, "files": files}), encoding="utf-8")
            partial_file.rename(results / ENDED)
            threading.Event().wait()
        except SystemExit:
            locust.kill()
        server.shutdown()
    return 0


def _wait(locust: "subprocess.Popen[bytes]") -> int:
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
    """Serves files without logging: the log is Locust's."""

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name in the base class
        """Log nothing."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
