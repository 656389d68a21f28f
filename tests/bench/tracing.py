"""`python -m tests.bench.tracing [BASE]`: measure what tracing costs a vote, off and on.

BASE is a folder with another version of the project, for example one from before tracing, measured in turn with this one.
"""

import statistics
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import redis

from tests.bench import parts
from tests.bench.load import VOTE, load
from tests.bench.parts import api, checked
from tests.unit.servers import postgres, valkey

SECONDS, ROUNDS = 3.0, 5
UNSAMPLED = VOTE.replace(b"Host:", b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00\r\nHost:")


class Sink(BaseHTTPRequestHandler):
    """Reads a request, answers 200 and keeps nothing."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def collector() -> Iterator[str]:
    """Run a collector that costs as little as possible: it shares the machine."""
    with HTTPServer(("127.0.0.1", 0), Sink) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def measured(port: int, request: bytes, name: str) -> float:
    """Return the microseconds of processor time that the API takes for a vote, in all of its threads."""
    [process] = [one for one in psutil.Process().children() if "system.api" in one.cmdline()]
    before = process.cpu_times()
    run = checked(load(port, request, 201, SECONDS), name)
    after = process.cpu_times()
    return 1e6 * (after.user + after.system - before.user - before.system) / run.good


def main() -> None:
    """Measure each way in turn, and print medians. Processor time, because other work on the machine changes votes per second more."""
    costs: dict[str, list[float]] = {}
    with valkey() as redis_server, postgres() as database, collector() as url, redis.Redis.from_url(redis_server.url) as client:
        env = {"REDIS_URL": redis_server.url, "DATABASE_URL": database.url}
        traced = env | {"OTEL_EXPORTER_OTLP_ENDPOINT": url}
        ratio = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01"}
        ways = {
            "off": (env, VOTE),
            "on, 1 %": (traced | ratio, VOTE),
            "on, unsampled": (traced, UNSAMPLED),
            "on, every vote": (traced, VOTE),
        }
        if sys.argv[1:]:
            other = {"PYTHONSAFEPATH": "1", "PYTHONPATH": str(Path(sys.argv[1]).resolve())}
            ways = {"base": (env | other, VOTE)} | ways
        parts.migrate(env)
        for _ in range(ROUNDS):
            for name, (variables, request) in ways.items():
                client.delete("votes")
                with api(variables) as port:
                    costs.setdefault(name, []).append(measured(port, request, name))
    reference = statistics.median(next(iter(costs.values())))
    for name, found in costs.items():
        least, middle, most = min(found), statistics.median(found), max(found)
        print(f"{name:16} {middle:6.0f} us a vote ({least:.0f} to {most:.0f})  {middle / reference:.2f}")  # noqa: T201 - a command


if __name__ == "__main__":
    main()
