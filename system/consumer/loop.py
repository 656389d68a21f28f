"""The consumer's loop: read entries, count them in one statement, acknowledge them. No other module acknowledges votes."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from system import contract
from system.consumer import recovery, upkeep
from system.consumer.backlog import Backlog, measure
from system.consumer.counting import Outcome, count
from system.consumer.dead_letters import DeadLetters
from system.consumer.decide import Entry, Malformed, decide
from system.consumer.metrics import Metrics
from system.consumer.reading import Reader
from system.db.store import UNAVAILABLE, LedgerRow, Store
from system.errors import CONNECTION_GONE
from system.logs import Event, logger
from system.redis_pool import is_wrong_server
from system.settings import ConsumerSettings

if TYPE_CHECKING:
    from system.consumer.tracing import TracedVotes

BACK_OFF_SECONDS = (1, 2, 3)  # the last delay repeats
DUPLICATES_SHOWN = 20
MEASURE_SECONDS = 2.0
GROUP_GONE = ("NOGROUP", "UNBLOCKED")  # UNBLOCKED: the stream was deleted during a blocking read


class Consumer:
    """Counts the votes of a stream as one member of its group."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it works with
        self,
        settings: ConsumerSettings,
        redis: Redis,
        store: Store,
        heartbeat: Callable[[], None],
        metrics: Metrics,
        traced: "TracedVotes | None" = None,
    ) -> None:
        self._settings = settings
        self._redis = redis
        self._store = store
        self._heartbeat = heartbeat
        self._metrics = metrics
        self._traced = traced
        self._log = logger()
        self._reader = Reader(redis, settings)
        self._dead_letters = DeadLetters(redis, settings, metrics)
        self._options = frozenset(settings.vote_options)
        self._stopping = asyncio.Event()
        self._group_known = False
        self._group_refusal: ResponseError | None = None
        self._recovering = True
        self._claim_at = 0.0
        self._measure_at = 0.0
        self._attempt = 0
        self._last_error = ""
        self._refused_upkeep: set[str] = set()

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Stop after the current batch. A blocking read is cancelled; entries it may have received stay pending for this consumer."""
        self._stopping.set()
        self._reader.stop()

    async def run(self) -> None:
        """Take turns until stopped. Retry indefinitely while a server is unavailable, and acknowledge nothing meanwhile."""
        while not self.stopping or self._reader.holds_a_batch:
            try:
                await self.run_once()
            except (RedisError, CONNECTION_GONE) as error:
                await self._back_off(Event.REDIS_UNAVAILABLE, error)
            except UNAVAILABLE as error:
                await self._back_off(Event.POSTGRES_UNAVAILABLE, error)
            else:
                self._attempt, self._last_error = 0, ""

    async def run_once(self) -> None:
        """Take one turn: process pending entries, then claimable ones, then new ones.

        Raises:
            RedisError: Redis is unavailable or rejects a command. The next turn starts with the pending entries.
            UNAVAILABLE: the same for the database.
        """
        # If this turn fails, unknown entries may be pending.
        recovering, self._recovering = self._recovering or self._dead_letters.due, True
        self._dead_letters.start_turn()
        self._heartbeat()
        try:
            if time.monotonic() >= self._measure_at:  # first, because it matters most when the rest of the turn fails
                await self._measure()
            kept = await self._recover() if recovering else False
            if time.monotonic() >= self._claim_at:
                kept |= await self._claim()
            self._heartbeat()
            kept |= await self._settle(await self._reader.batch())
        except ResponseError as error:
            if not str(error).startswith(GROUP_GONE):
                raise
            if self._group_refusal:
                raise self._group_refusal from error
            self._log.warning(Event.GROUP_LOST, group=self._settings.consumer_group)
            return
        self._dead_letters.show()
        self._recovering = kept

    async def _recover(self) -> bool:
        await self._reader.drop()
        await self._ensure_group()
        kept = False
        async for entries in recovery.own_pending(self._redis, self._settings):
            self._heartbeat()
            kept |= await self._settle(entries)
            if self.stopping:
                break
        return kept

    async def _claim(self) -> bool:
        kept = False
        self._heartbeat()
        in_hand = await self._reader.ids_ahead()
        async for claimed in recovery.claimed(self._redis, self._settings):
            self._heartbeat()
            entries = [entry for entry in claimed if entry[0] not in in_hand]
            self._log.info(Event.MESSAGES_CLAIMED, count=len(entries))
            self._metrics.claimed.inc(len(entries))
            kept |= await self._settle(entries)
            if self.stopping:
                break
        with self._upkeep():
            await upkeep.trim(self._redis, self._settings)
        self._heartbeat()
        with self._upkeep():
            for name in await upkeep.remove_idle_names(self._redis, self._settings):
                self._log.info(Event.CONSUMER_NAME_REMOVED, name=name)
        # A scan reads the whole pending list. A third of the idle time claims entries soon enough without scanning more than needed.
        self._claim_at = time.monotonic() + self._settings.claim_idle_ms / 3000
        return kept

    async def _measure(self) -> None:
        """Update the backlog metrics, every `MEASURE_SECONDS`: it takes four commands, and a scrape must not depend on Redis."""
        found = Backlog()  # if Redis does not allow one of the commands, the last values would look valid
        with self._upkeep():
            found = await measure(self._redis, self._settings)
        self._metrics.show(found)
        self._measure_at = time.monotonic() + MEASURE_SECONDS

    @contextlib.contextmanager
    def _upkeep(self) -> Iterator[None]:
        """Run a step that counting does not need. If Redis does not allow it, log that once for each reason and continue."""
        try:
            yield
        except ResponseError as error:
            if is_wrong_server(error) or str(error).startswith(GROUP_GONE):
                raise
            if str(error) not in self._refused_upkeep:
                self._refused_upkeep.add(str(error))
                self._log.error(Event.UPKEEP_REFUSED, error=f"{type(error).__name__}: {error}")

    async def _ensure_group(self) -> None:
        stream, group = self._settings.stream_name, self._settings.consumer_group
        try:
            await self._redis.xgroup_create(stream, group, contract.GROUP_START, mkstream=True)
        except ResponseError as error:
            if is_wrong_server(error):
                raise
            if not str(error).startswith("BUSYGROUP"):  # out of memory, or not allowed: perhaps it exists, and the next read tells
                self._group_refusal = error
                return
            if not self._group_known:
                self._log.info(Event.GROUP_EXISTS, stream=stream, group=group)
        else:
            self._log.info(Event.GROUP_CREATED, stream=stream, group=group)
        self._group_known, self._group_refusal = True, None

    async def _settle(self, entries: list[Entry]) -> bool:
        """Process a batch: count votes, dead-letter malformed entries, acknowledge.

        Returns:
            Whether any entry stays pending because the database rejected it and it has deliveries left.
        """
        if not entries:
            return False
        started = time.time_ns()
        self._log.info(Event.MESSAGES_RECEIVED, count=len(entries))
        self._metrics.batch.observe(len(entries))
        decision = decide(entries, self._options)
        if decision.lost:
            self._log.error(Event.VOTE_LOST, count=len(decision.lost), stream_ids=decision.lost)
            self._metrics.lost.inc(len(decision.lost))
        self._log_each(Event.VOTE_RECEIVED, decision.votes)
        await self._dead_letters.move(decision.malformed)
        outcome = await self._count(decision.votes) if decision.votes else Outcome()
        refused = outcome.refused
        if self._traced:
            self._traced.record(started, entries, decision, outcome)
        await self._acknowledge([*decision.lost, *(vote.stream_id for vote in decision.votes if vote.stream_id not in refused)])
        return await self._retry_or_dead_letter(refused, dict(entries)) if refused else False

    async def _count(self, votes: list[LedgerRow]) -> Outcome:
        """Count votes, and show the outcome in log and metrics."""
        batch = {"count": len(votes), "first": votes[0].stream_id, "last": votes[-1].stream_id}
        self._log.info(Event.PROCESSING_VOTE, **batch)
        with self._metrics.statement.time():
            outcome = await count(self._store, votes, self._heartbeat)
        again = [vote.stream_id for vote in votes if vote.stream_id not in outcome.counted and vote.stream_id not in outcome.refused]
        self._metrics.counted.inc(len(outcome.counted))
        self._metrics.duplicates.inc(len(again))
        self._log_each(Event.VOTE_COUNTED, [vote for vote in votes if vote.stream_id in outcome.counted])
        for vote in votes:
            if error := outcome.refused.get(vote.stream_id):
                self._log.warning(Event.VOTE_REFUSED, stream_id=vote.stream_id, vote_id=vote.vote_id, error=error)
        if again:
            self._log.info(Event.DUPLICATE_REFUSED, count=len(again), stream_ids=again[:DUPLICATES_SHOWN])
        self._log.info(Event.VOTE_PROCESSED, **batch, duplicates=len(again), refused=len(outcome.refused))
        return outcome

    def _log_each(self, event: Event, votes: list[LedgerRow]) -> None:
        """Log one line for each vote, at DEBUG only: whoever can read the ledger as well learns its option."""
        if self._log.is_enabled_for(logging.DEBUG):
            for vote in votes:
                self._log.debug(event, stream_id=vote.stream_id, vote_id=vote.vote_id)

    async def _acknowledge(self, stream_ids: list[str]) -> None:
        """Acknowledge counted and lost entries and trim the stream, in one round trip."""
        if not stream_ids:
            return
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.xack(self._settings.stream_name, self._settings.consumer_group, *stream_ids)
            pipe.eval(upkeep.TRIM, 1, self._settings.stream_name)
            acknowledged, trimmed = await pipe.execute(raise_on_error=False)
        if isinstance(acknowledged, Exception):
            raise acknowledged
        with self._upkeep():
            if isinstance(trimmed, Exception):
                raise trimmed

    async def _retry_or_dead_letter(self, refused: dict[str, str], fields: Mapping[bytes, Mapping[bytes, bytes]]) -> bool:
        """Dead-letter rejected entries that were delivered MAX_RETRIES times. Return whether others stay pending.

        Redis keeps the delivery count, so it survives restarts and claims.
        """
        spent = []
        for stream_id, error in refused.items():
            pending = await self._redis.xpending_range(self._settings.stream_name, self._settings.consumer_group, stream_id, stream_id, 1)
            if pending and int(pending[0]["times_delivered"]) >= self._settings.max_retries:
                spent.append(Malformed(stream_id, fields[stream_id.encode()], f"the database rejected it: {error}"))
        await self._dead_letters.move(spent)
        return len(spent) < len(refused)

    async def _back_off(self, event: Event, error: BaseException) -> None:
        """Wait up to three seconds before the next attempt, or until stopped."""
        seconds = BACK_OFF_SECONDS[min(self._attempt, len(BACK_OFF_SECONDS) - 1)]
        self._attempt += 1
        self._metrics.back_offs.labels("redis" if event is Event.REDIS_UNAVAILABLE else "postgresql").inc()
        if event is Event.REDIS_UNAVAILABLE:
            self._metrics.show(Backlog())  # a stale value would look valid
            self._measure_at = 0.0
        text = f"{type(error).__name__}: {error}"
        # Log every new error, then attempts 1, 2, 4, 8 and so on: the log shows that retries continue without filling up.
        if text != self._last_error or self._attempt.bit_count() == 1:
            self._log.warning(event, error=text, attempt=self._attempt, retry_in_seconds=seconds)
        self._last_error = text
        self._heartbeat()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
