"""`python -m tests.bench`: measure, print a table, write JSON, compare with an earlier run.

Exit codes: 0 measured, 1 a vote was lost or an answer was wrong, 2 wrong usage. Times never decide.
"""

import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import httpx
import psutil
import redis
import typer
from rich.console import Console
from rich.table import Table

from tests.bench.load import RESULTS, VOTE, Load, load
from tests.unit.servers import free_port, postgres, valkey

STARTS_SECONDS = 20.0
DRAINS_SECONDS = 300.0
ROUNDS = 3
VOTES_FOLLOWED = 100
PLAIN = [sys.executable, "-m", "uvicorn", "tests.bench.plain_api:app", "--no-access-log", "--log-level", "warning", "--port"]
Figures = dict[str, float]


class Wrong(Exception):
    """Something that no speed makes up for."""


@contextlib.contextmanager
def running(command: list[str], env: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a part of the system; it ends with the block."""
    child = subprocess.Popen(command, env={"PATH": os.environ["PATH"], "LOG_LEVEL": "WARNING", **env}, stdout=subprocess.DEVNULL)
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(8)
        except subprocess.TimeoutExpired:
            child.kill()


def until(ready: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for something that the benchmark needs."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise Wrong(f"{what} within {seconds:.0f} s did not happen")
        time.sleep(0.01)


@contextlib.contextmanager
def api(env: dict[str, str], workers: int = 1, *, plain: bool = False) -> Iterator[int]:
    """Run an API and give its port."""
    port = free_port()
    command = [*PLAIN, str(port)] if plain else [sys.executable, "-m", "system.api"]

    def answers() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.post(f"http://127.0.0.1:{port}/api/vote", json={"option": "cats"}, timeout=2).status_code == 201
        return False

    with running(command, {**env, "API_PORT": str(port), "API_WORKERS": str(workers)}):
        until(answers, STARTS_SECONDS, "the start of an API")
        yield port


def checked(measured: Load, what: str) -> Load:
    """Refuse a measurement in which an answer was wrong."""
    if measured.bad or not measured.good:
        raise Wrong(f"{what}: {measured.bad} answers were not what they must be, {measured.good} were")
    return measured


def vote_path(env: dict[str, str], client: redis.Redis, seconds: float) -> Figures:
    """Votes a second of one worker, of two, and of the plain design, in turn."""
    contenders = {"1 worker": (1, False), "2 workers": (2, False), "plain": (1, True)}
    rounds: dict[str, list[Load]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, (workers, plain) in contenders.items():
            client.delete("votes")
            with api(env, workers, plain=plain) as port:
                measured = checked(load(port, VOTE, 201, seconds), f"votes, {name}")
                if client.xlen("votes") < measured.good:
                    raise Wrong(f"{name}: {measured.good} votes were answered 201 and {client.xlen('votes')} are in the stream")
                rounds[name].append(measured)
    figures: Figures = {}
    for name, runs in rounds.items():
        figures[f"votes/s, {name}"] = statistics.median(run.rate for run in runs)
        figures[f"vote p50 ms, {name}"] = statistics.median(run.p50 for run in runs)
        figures[f"vote p99 ms, {name}"] = statistics.median(run.p99 for run in runs)
        figures[f"generator was the limit, {name}"] = float(any(run.generator_was_the_limit for run in runs))
    best = max(figures["votes/s, 1 worker"], figures["votes/s, 2 workers"])
    return figures | {"votes/s, ratio to plain": best / figures["votes/s, plain"]}


def results(env: dict[str, str], seconds: float) -> Figures:
    """Results a second to 64 readers."""
    with api(env) as port:
        measured = checked(load(port, RESULTS, 200, seconds), "results")
    return {"results/s": measured.rate, "results p99 ms": measured.p99}


def consumer(env: dict[str, str], client: redis.Redis, votes: int) -> Figures:
    """Votes counted a second from a full stream, the memory that it took, and what is left of it in Redis."""
    client.flushdb()
    floor = client.info("memory")["used_memory"]
    for start in range(0, votes, 1000):
        pipe = client.pipeline(transaction=False)
        for number in range(start, start + 1000):
            pipe.xadd("votes", {"option": ("cats", "dogs")[number % 2], "timestamp": 1, "request_id": str(uuid.uuid4())})
        pipe.execute()
    full = client.info("memory")["used_memory"]

    def drained() -> bool:
        groups = client.xinfo_groups("votes")
        return bool(groups) and groups[0]["pending"] == 0 and groups[0]["lag"] == 0

    with running([sys.executable, "-m", "system.consumer"], env) as child:
        begun = time.monotonic()
        until(lambda: bool(client.xinfo_groups("votes")), STARTS_SECONDS, "the start of the consumer")
        started = time.monotonic()
        until(drained, DRAINS_SECONDS, "the counting")
        ended = time.monotonic()
        memory = psutil.Process(child.pid).memory_info().rss / 2**20
    return {
        "consumer votes/s": votes / (ended - started),
        "consumer votes/s, start-up included": votes / (ended - begun),
        "consumer MiB": memory,
        "Redis MiB, full": (full - floor) / 2**20,
        "Redis MiB, drained": (client.info("memory")["used_memory"] - floor) / 2**20,
    }


def vote_to_result(env: dict[str, str]) -> Figures:
    """Seconds from a vote to the results that show it."""
    times = []
    with (
        api(env) as port,
        running([sys.executable, "-m", "system.consumer"], env),
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as http,
    ):

        def total() -> int:
            answer = http.get(f"http://127.0.0.1:{port}/api/results")
            return int(answer.json()["total_votes"]) if answer.status_code == 200 else -1

        until(lambda: total() > 0, STARTS_SECONDS, "the first result")
        time.sleep(2.5)  # the votes that found out whether the API answers are counted by now, and the cache has seen them
        before = total()
        cast = []
        for _ in range(VOTES_FOLLOWED):
            cast.append(time.monotonic())
            http.post(f"http://127.0.0.1:{port}/api/vote", json={"option": "cats"}).raise_for_status()
        while len(times) < VOTES_FOLLOWED:
            seen, now = total() - before, time.monotonic()
            times += [now - at for at in cast[len(times) : seen]]
            if now - cast[-1] > STARTS_SECONDS:
                raise Wrong(f"only {seen} of {VOTES_FOLLOWED} votes are in the results")
    times.sort()
    return {
        "vote to result p50 s": times[len(times) // 2],
        "vote to result p95 s": times[int(len(times) * 0.95)],
        "vote to result max s": times[-1],
    }


def show(figures: Figures, earlier: Figures, console: Console) -> None:
    """Print the figures, beside those of an earlier run."""
    table = Table("", "now", *(["earlier", "ratio"] if earlier else []))
    for name, value in figures.items():
        then = earlier.get(name)
        table.add_row(name, f"{value:,.2f}", *([f"{then:,.2f}", f"{value / then:.2f}" if then else ""] if then is not None else []))
    console.print(table)


def main(
    quick: Annotated[bool, typer.Option("--quick", help="short: to see that it runs, not how fast it is")] = False,
    compare: Annotated[Path | None, typer.Option(help="the JSON of an earlier run")] = None,
    output: Annotated[Path, typer.Option("--json", help="where the figures go")] = Path("reports/bench.json"),
) -> None:
    """Measure vote path, results, consumer, and the time from vote to result."""
    console = Console(stderr=True)
    try:
        earlier = json.loads(compare.read_text(encoding="utf-8"))["figures"] if compare else {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        console.print(f"--compare {compare} cannot be read: {error}. Next: python -m tests.bench --json FILE writes one")
        raise typer.Exit(2) from None
    seconds, votes = (0.5, 5_000) if quick else (4.0, 200_000)
    try:
        with valkey() as redis_server, postgres() as database, redis.Redis.from_url(redis_server.url) as client:
            env = {"REDIS_URL": redis_server.url, "DATABASE_URL": database.url}
            subprocess.run([sys.executable, "-m", "system.db.migrate"], env=env, check=True, stdout=subprocess.DEVNULL)
            figures = vote_path(env, client, seconds) | results(env, seconds) | consumer(env, client, votes) | vote_to_result(env)
    except Wrong as error:
        console.print(str(error))
        raise typer.Exit(1) from None
    show(figures, earlier, console)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": f"{platform.system()} {platform.release()}"}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps({"machine": machine, "figures": figures}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
