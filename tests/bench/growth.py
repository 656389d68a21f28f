"""Measures whether cost grows with history: the same measurements with a small ledger and with large ones."""

import statistics
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

import httpx
import redis
from uuid_utils import uuid7

from tests.bench import database, parts
from tests.bench.load import VOTE, load
from tests.bench.parts import Figures, Wrong, api, checked

FRESH_SECONDS = 2.0  # how long the API serves one database read to all clients
READINGS = 3
IDS: dict[str, Callable[[], object]] = {"random": uuid.uuid4, "ordered": uuid7}
"""Ids of votes with a key (random) and without one (ordered). A random id can belong anywhere in the ledger's index."""


class Extent(NamedTuple):
    """Extent of the measurements."""

    sizes: tuple[int, ...]
    """Numbers of votes already counted, ascending."""
    votes: int
    """Votes counted in addition in each round."""
    seconds: float
    """Duration of voting in each round."""
    rounds: int
    """Rounds that alternate between the sizes; the median is reported."""


def growth(env: dict[str, str], client: redis.Redis, extent: Extent) -> Figures:
    """Measure counting, voting and results with few and with many counted votes. Each size has its own database."""
    beside = {}
    for size in extent.sizes:
        beside[size] = env | {"DATABASE_URL": database.create(env["DATABASE_URL"], f"counted_{size}")}
        parts.migrate(beside[size])
        database.fill(beside[size]["DATABASE_URL"], size)
    measured: defaultdict[str, defaultdict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(extent.rounds):
        for size in extent.sizes:
            for name, value in _once(beside[size], client, extent).items():
                measured[name][size].append(value)
    figures: Figures = {}
    fewest, most = extent.sizes[0], extent.sizes[-1]
    for name, values in measured.items():
        figures |= {f"{name} after {size:,}": statistics.median(values[size]) for size in extent.sizes}
        pairs = zip(values[most], values[fewest], strict=True)  # from the same round: the machine may behave differently in the next
        figures[f"{name}, {most:,} to {fewest:,}"] = statistics.median(many / few for many, few in pairs)
    for size in extent.sizes:
        parts.reconcile(beside[size])
    return figures


def _once(env: dict[str, str], client: redis.Redis, extent: Extent) -> Figures:
    figures = {f"consumer votes/s, {ids} ids": _counting(env, client, extent.votes, make) for ids, make in IDS.items()}
    figures["get_vote_results ms"] = database.results_ms(env["DATABASE_URL"])
    total = database.total(env["DATABASE_URL"])
    with api(env) as port:
        figures["vote p99 ms"] = checked(load(port, VOTE, 201, extent.seconds), "votes with a filled ledger").p99
        figures["uncached results ms"] = _uncached_ms(port, total)
    return figures


def _counting(env: dict[str, str], client: redis.Redis, votes: int, identifier: Callable[[], object]) -> float:
    before = database.total(env["DATABASE_URL"])
    client.flushdb()
    parts.fill(client, votes, identifier)
    seconds = parts.drain(env, client)[0]
    if (counted := database.total(env["DATABASE_URL"]) - before) != votes:
        raise Wrong(f"{votes} votes were in the stream, but {counted} were counted")
    return votes / seconds


def _uncached_ms(port: int, total: int) -> float:
    took = []
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
        http.get("/api/results")  # the first request opens the API's database connection
        for _ in range(READINGS):
            time.sleep(FRESH_SECONDS + 0.1)
            began = time.perf_counter()
            answer = http.get("/api/results")
            took.append(1000 * (time.perf_counter() - began))
            if answer.status_code != 200 or answer.json()["total_votes"] != total:
                raise Wrong(f"the results are {answer.text}, but {total} votes are counted")
    return statistics.median(took)
