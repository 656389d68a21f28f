"""A real stream and ledger under random sequences of events: the guarantee holds after each event, and every vote is counted in the end.

A failure prints the shortest sequence of events that reproduces it, and a decorator to put on the class StreamAndLedger to repeat it.
"""

import asyncio
import contextlib
import itertools
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
import structlog
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from system.consumer import upkeep
from system.db.migrate import migrate
from system.db.store import UNAVAILABLE, Store
from system.settings import ConsumerSettings
from tests.property.faults import Fault, FaultyConsumer, Killed, cut, kill
from tests.unit import servers
from tests.unit.consumer.conftest import Bench

BATCH = 3
CLAIM_IDLE_MS = {"patient": 3_600_000, "second": 0, "third": 0}
TWO_NAMES = st.sampled_from(list(itertools.permutations(CLAIM_IDLE_MS, 2)))
VOTE = st.tuples(st.integers(0, 99), st.sampled_from(["cats", "dogs"]))
MALFORMED = st.sampled_from([{"junk": "1"}, {"option": "fish", "timestamp": "1", "request_id": str(uuid.UUID(int=100))}])
ENTRIES = st.lists(VOTE | MALFORMED, max_size=2 * BATCH)
FAULTS = st.sampled_from(["kill", "connection cut", "reply lost", "freeze", "group lost", "table lost"])
COMMANDS = st.integers(0, 9)  # up to five per batch: dead letters, the statement, reading the next batch, XACK, the trim


class StreamAndLedger(RuleBasedStateMachine):
    world: Bench
    run: Callable[[Any], Any]

    def __init__(self) -> None:
        super().__init__()
        own = self.world.settings.model_copy(update={"stream_name": f"votes-{uuid.uuid4()}"})
        self.bench = replace(self.world, settings=own)
        self.delivered: dict[bytes, tuple[str, str] | None] = {}  # stream id → vote id and option; None for malformed entries
        self.counted: dict[str, str] = {}  # vote id → option
        self.alive: dict[str, FaultyConsumer] = {}
        self.shared: set[bytes] = set()  # entries held by two consumers or two groups may be dead-lettered twice
        self.run(self.bench.sql.execute("truncate votes, vote_ledger"))

    @rule(entries=ENTRIES, names=TWO_NAMES, after=COMMANDS, what=FAULTS)
    def turn(self, entries: list[tuple[int, str] | dict[str, str]], names: tuple[str, str], after: int, what: str) -> None:
        """Add votes, some with repeated ids, and malformed entries. Then let a consumer take a turn.

        The fault occurs `after` commands once it has entries in hand: it is killed, or something else happens and it continues.
        """
        for entry in entries:
            self.run(self.deliver(entry))
        name, other = names
        happens = {"kill": kill, "freeze": lambda: self.take_over(other), "group lost": self.destroy_group, "table lost": self.hide_table}
        expected = {"kill": (Killed,), "table lost": UNAVAILABLE}
        try:
            with contextlib.suppress(*expected.get(what, ())):
                self.play(self.take_turn(name, Fault(after, happens.get(what, cut), late=what == "reply lost")))
        finally:
            self.run(self.bench.sql.execute("alter table if exists hidden rename to vote_ledger"))
        if what == "kill":
            del self.alive[name]  # the next consumer with this name is a new process

    @invariant()
    def promise(self) -> None:
        self.run(self.check())

    def teardown(self) -> None:
        if sys.exc_info()[0]:  # the test has already failed
            return
        last = min(self.alive.keys() - {"patient"}, default="second")
        for _ in range(len(self.delivered) // BATCH + 5):
            self.play(self.take_turn(last))
        [group] = self.run(self.bench.redis.xinfo_groups(self.bench.settings.stream_name))
        assert (group["pending"], group["lag"]) == (0, 0)
        assert self.run(self.check()) == self.malformed()
        assert self.counted.keys() == {vote[0] for vote in self.delivered.values() if vote}

    def play(self, turn: Coroutine[Any, Any, None]) -> None:
        """Run a turn and all tasks that it started."""

        async def whole() -> None:
            try:
                await turn
            finally:
                await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)

        self.run(whole())

    async def take_turn(self, name: str, fault: Fault | None = None) -> None:
        if name not in self.alive:
            own = self.bench.settings.model_copy(update={"consumer_name": name, "claim_idle_ms": CLAIM_IDLE_MS[name]})
            self.alive[name] = FaultyConsumer(own, self.bench.redis, self.bench.store)
        self.shared.update(*(holder.read_ahead() for other, holder in self.alive.items() if other != name))
        await self.alive[name].take_turn(fault or Fault())

    async def deliver(self, entry: tuple[int, str] | dict[str, str]) -> None:
        if isinstance(entry, dict):
            self.delivered[await self.bench.add(entry)] = None
        else:
            vote_id, option = uuid.UUID(int=entry[0]), entry[1]
            self.delivered[await self.bench.cast(option, vote_id)] = str(vote_id), option

    async def take_over(self, name: str) -> None:
        self.shared.update(await self.bench.stream())
        await self.take_turn(name)

    async def destroy_group(self) -> None:
        self.shared.update(await self.bench.stream())
        await self.bench.redis.xgroup_destroy(self.bench.settings.stream_name, self.bench.settings.consumer_group)

    async def hide_table(self) -> None:
        await self.bench.sql.execute("alter table vote_ledger rename to hidden")

    async def check(self) -> set[bytes]:
        """Compare counts, ledger and dead letters with the delivered entries. Return the ids of the dead letters."""
        rows = await self.bench.sql.fetch("select vote_id::text, option from vote_ledger")
        ledger = {row["vote_id"]: row["option"] for row in rows}
        assert len(ledger) == len(rows)
        assert await self.bench.counts() == Counter(ledger.values())
        assert ledger.items() <= set(filter(None, self.delivered.values()))
        assert self.counted.items() <= ledger.items()
        self.counted = ledger
        dead = Counter([letter[b"source_id"] for letter in await self.bench.dead()])
        assert dead.keys() <= self.malformed()
        assert {source for source, times in dead.items() if times > 1} <= self.shared
        gone = self.delivered.keys() - {*await self.bench.stream(), *dead}
        assert {vote[0] if (vote := self.delivered[source]) else source for source in gone} <= ledger.keys()
        return set(dead)

    def malformed(self) -> set[bytes]:
        return {source for source, vote in self.delivered.items() if not vote}


async def opened(own: ConsumerSettings) -> Bench:
    await migrate(own.database_url)
    redis, store = Redis.from_url(own.redis_url, retry=Retry(NoBackoff(), 0)), await Store.connect(own.database_url, command_timeout=5)
    await redis.config_set("hz", 500)  # Redis ends expired blocking reads at each tick: every 2 ms instead of 100 ms
    return Bench(own, redis, store, await asyncpg.connect(own.database_url))


async def close(bench: Bench) -> None:
    await bench.sql.close()
    await bench.store.close()
    await bench.redis.aclose()


def test_each_vote_counts_once_under_any_sequence_of_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "NAME_IDLE_MS", 0)  # remove names as soon as they have no pending entries
    with servers.valkey() as valkey, servers.postgres() as postgres, asyncio.Runner() as runner, structlog.testing.capture_logs():
        own = ConsumerSettings(redis_url=valkey.url, database_url=postgres.url, batch_size=BATCH, block_ms=1)
        bench = runner.run(opened(own))
        runner.get_loop().set_exception_handler(lambda *_: None)  # nobody awaits what a killed consumer had read ahead
        monkeypatch.setattr(StreamAndLedger, "world", bench, raising=False)
        monkeypatch.setattr(StreamAndLedger, "run", staticmethod(runner.run), raising=False)
        often = settings(max_examples=40, stateful_step_count=20, deadline=None, derandomize=False, print_blob=True)
        try:
            run_state_machine_as_test(StreamAndLedger, settings=often)
        finally:
            runner.run(close(bench))
