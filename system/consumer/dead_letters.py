"""Moves entries that can never be counted to the dead-letter stream. An entry that Redis does not let go is set aside and tried again."""

import time
from collections.abc import Sequence
from itertools import chain
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from system import contract
from system.consumer import upkeep
from system.consumer.decide import Malformed
from system.consumer.metrics import Metrics
from system.logs import Event, logger
from system.redis_pool import is_wrong_server
from system.settings import ConsumerSettings

RETRY_SECONDS = (1, 2, 4, 8, 16, 30)  # the last delay repeats
IDS_SHOWN = 20


class DeadLetters:
    """The dead-letter stream as this consumer writes it. Each entry is either there or still pending, never both and never neither."""

    def __init__(self, redis: Redis, settings: ConsumerSettings, metrics: Metrics) -> None:
        self._redis = redis
        self._settings = settings
        self._metrics = metrics
        self._log = logger()
        self._aside: set[str] = set()
        self._known: set[str] = set()
        self._attempt = 0
        self._retry_at = 0.0
        self._trying = True

    @property
    def due(self) -> bool:
        """Whether entries are set aside and it is time to try them again."""
        return bool(self._aside) and time.monotonic() >= self._retry_at

    def start_turn(self) -> None:
        """Decide whether this turn moves entries or sets them aside. A turn that is due reads all pending entries again."""
        self._trying = not self._aside or self.due
        if self.due:
            self._known, self._aside = self._aside, set()

    def show(self) -> None:
        """Show how many entries are set aside. Some may be gone: claimed by another consumer, or removed by an operator."""
        self._metrics.aside.set(len(self._aside))

    async def move(self, malformed: Sequence[Malformed]) -> None:
        """Move entries, or set aside those that Redis refuses to move: they stay pending, and others are counted meanwhile.

        Raises:
            RedisError: Redis is unavailable.
        """
        if not malformed:
            return
        for entry in malformed:
            if entry.stream_id not in self._known | self._aside:
                self._log.warning(Event.MALFORMED_MESSAGE_DETECTED, **_named(entry), reason=entry.reason)
        if self._trying:
            await self._try(malformed)
        else:
            self._aside.update(entry.stream_id for entry in malformed)
        self.show()

    async def _try(self, malformed: Sequence[Malformed]) -> None:
        refused: dict[str, ResponseError] = {}
        for entry, reply in zip(malformed, await self._send(malformed), strict=True):
            if isinstance(reply, ResponseError):
                if is_wrong_server(reply):
                    raise reply
                refused[entry.stream_id] = reply
            elif reply:
                self._log.warning(Event.MALFORMED_MESSAGE_DEAD_LETTERED, **_named(entry), reason=entry.reason)
                self._metrics.dead.inc()
        if refused:
            self._set_aside(refused)
        elif not self._aside:
            self._attempt = 0

    def _set_aside(self, refused: dict[str, ResponseError]) -> None:
        if not self._aside:  # the first batch of this turn that failed
            seconds = RETRY_SECONDS[min(self._attempt, len(RETRY_SECONDS) - 1)]
            self._attempt += 1
            self._retry_at = time.monotonic() + seconds
            error = next(iter(refused.values()))
            self._log.error(
                Event.MALFORMED_MESSAGE_SET_ASIDE,
                count=len(refused),
                stream_ids=[*refused][:IDS_SHOWN],
                error=f"{error.status_code or ''} {error}".strip(),
                attempt=self._attempt,
                retry_in_seconds=seconds,
            )
        self._aside.update(refused)

    async def _send(self, malformed: Sequence[Malformed]) -> list[Any]:
        """Return a reply or a ResponseError for each entry: whether it was moved now."""
        stream, group = self._settings.stream_name, self._settings.consumer_group
        dead = contract.dead_letters(stream)
        async with self._redis.pipeline(transaction=False) as pipe:  # each script is atomic, and a refusal concerns its entry alone
            for entry in malformed:
                letter: dict[Any, Any] = dict(entry.fields.items())
                letter[contract.FIELD_SOURCE_ID.encode()] = entry.stream_id
                letter[contract.FIELD_REASON.encode()] = entry.reason
                if len(letter) <= upkeep.DEAD_LETTER_FIELDS_MAX:
                    pipe.eval(upkeep.DEAD_LETTER, 2, stream, dead, group, entry.stream_id, *chain.from_iterable(letter.items()))
                else:  # too large for the script: at least once, because it is acknowledged only when it is there
                    pipe.xadd(dead, letter)
            replies: list[Any] = await pipe.execute(raise_on_error=False)
        for place, entry in enumerate(malformed):
            if isinstance(replies[place], bytes):  # the id that XADD returned
                replies[place] = await self._redis.xack(stream, group, entry.stream_id)
        return replies


def _named(entry: Malformed) -> dict[str, str]:
    """Return what a log line names an entry by: its stream id, and its vote id if that is one."""
    vote_id = contract.vote_id_of(entry.fields)
    return {"stream_id": entry.stream_id} | ({"vote_id": vote_id} if vote_id else {})
