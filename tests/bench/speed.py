"""Measures the vote path, the results, the consumer, and the time from a vote to the results that include it."""

import statistics
import time

import httpx
import redis

from tests.bench import database, parts
from tests.bench.load import RESULTS, VOTE, WARM_UP_SECONDS, Load, load
from tests.bench.parts import CONSUMER, STARTS_SECONDS, Figures, Wrong, api, checked, running, until

VOTES_FOLLOWED = 100


def vote_path(env: dict[str, str], client: redis.Redis, seconds: float, rounds: int) -> Figures:
    """Measure votes per second with one worker, two workers and the plain design, in turn."""
    contenders = {"1 worker": (1, False), "2 workers": (2, False), "plain": (1, True)}
    measured: dict[str, list[Load]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, (workers, plain) in contenders.items():
            client.delete("votes")
            with api(env, workers, plain=plain) as port:
                run = checked(load(port, VOTE, 201, seconds), f"votes, {name}")
                if client.xlen("votes") < run.good:
                    raise Wrong(f"{name}: {run.good} votes got 201, but {client.xlen('votes')} are in the stream")
                measured[name].append(run)
    figures: Figures = {}
    for name, runs in measured.items():
        figures[f"votes/s, {name}"] = statistics.median(run.rate for run in runs)
        figures[f"vote p50 ms, {name}"] = statistics.median(run.p50 for run in runs)
        figures[f"vote p99 ms, {name}"] = statistics.median(run.p99 for run in runs)
        figures[f"generator was the limit, {name}"] = float(any(run.generator_was_the_limit for run in runs))
    best = max(figures["votes/s, 1 worker"], figures["votes/s, 2 workers"])
    return figures | {"votes/s, ratio to plain": best / figures["votes/s, plain"]}


def results(env: dict[str, str], seconds: float) -> Figures:
    """Measure results per second for 64 clients, and how often they caused a database read."""
    before = database.reads(env["DATABASE_URL"])
    with api(env) as port:
        measured = checked(load(port, RESULTS, 200, seconds), "results")
    reads = database.reads(env["DATABASE_URL"]) - before
    return {
        "results/s": measured.rate,
        "results p99 ms": measured.p99,
        f"database reads in {WARM_UP_SECONDS + seconds:g} s of results": reads,
    }


def consumer(env: dict[str, str], client: redis.Redis, votes: int) -> Figures:
    """Measure votes counted per second from a full stream, the consumer's memory, and Redis' memory before and after."""
    client.flushdb()
    floor = client.info("memory")["used_memory"]
    parts.fill(client, votes)
    full = client.info("memory")["used_memory"]
    seconds, with_start, memory = parts.drain(env, client)
    return {
        "consumer votes/s": votes / seconds,
        "consumer votes/s, start-up included": votes / with_start,
        "consumer MiB": memory,
        "Redis MiB, full": (full - floor) / 2**20,
        "Redis MiB, drained": (client.info("memory")["used_memory"] - floor) / 2**20,
    }


def vote_to_result(env: dict[str, str]) -> Figures:
    """Measure the seconds from a vote to the results that include it."""
    times: list[float] = []
    with api(env) as port, running(CONSUMER, env), httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:

        def total() -> int:
            answer = http.get("/api/results")
            return int(answer.json()["total_votes"]) if answer.status_code == 200 else -1

        until(lambda: total() > 0, STARTS_SECONDS, "the first result")
        time.sleep(2.5)  # by now, the votes from the startup checks are counted and in the cache
        before = total()
        cast = []
        for _ in range(VOTES_FOLLOWED):
            cast.append(time.monotonic())
            http.post("/api/vote", json={"option": "cats"}).raise_for_status()
        while len(times) < VOTES_FOLLOWED:
            seen, now = total() - before, time.monotonic()
            times += [now - at for at in cast[len(times) : seen]]
            if now - cast[-1] > STARTS_SECONDS:
                raise Wrong(f"only {seen} of {VOTES_FOLLOWED} votes appeared in the results")
    times.sort()
    return {
        "vote to result p50 s": times[len(times) // 2],
        "vote to result p95 s": times[int(len(times) * 0.95)],
        "vote to result max s": times[-1],
    }
