"""Sends the commands of concurrent requests to Redis together: one write and one disk sync for all of them."""

import asyncio
import math
from typing import Any

import hiredis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from system.errors import CONNECTION_GONE
from system.redis_pool import RedisPool

DEADLINE_SECONDS = 0.9
"""Limit for one exchange, including connecting. A command waits for at most one earlier exchange, so it ends within 1.8 s."""

Argument = str | bytes | int
Waiting = tuple[tuple[Argument, ...], "asyncio.Future[Any]"]


class Pipeline:
    """Batches the commands of one event-loop iteration, and those that arrive while the previous batch is in flight.

    With `appendfsync always`, Redis syncs once for all commands that it reads together. redis-py's own pipeline packs in Python, which
    costs three times as much per command as its connection with the hiredis packer.
    """

    def __init__(self, pool: RedisPool) -> None:
        self._pool = pool
        self._waiting: list[Waiting] = []
        self._exchanges: asyncio.Task[None] | None = None

    async def execute(self, *command: Argument) -> Any:
        """Send a command and return its reply.

        Raises:
            RedisError: Redis rejected the command, or the reply was lost and the command may or may not have been executed.
            TimeoutError: no reply within `DEADLINE_SECONDS`; the command may or may not have been executed.
        """
        reply = asyncio.get_running_loop().create_future()
        self._waiting.append((command, reply))
        if self._exchanges is None:
            self._exchanges = asyncio.create_task(self._exchange_all())
        return await reply

    async def _exchange_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                async with asyncio.timeout(DEADLINE_SECONDS):
                    replies = await self._exchange([command for command, _ in batch])
            except Exception as failure:  # noqa: BLE001 - not swallowed: every request in the batch raises it
                known = RedisConnectionError(str(failure)) if isinstance(failure, CONNECTION_GONE) else failure
                replies = [known] * len(batch)
            for (_, waiting), reply in zip(batch, replies, strict=True):
                if waiting.done():  # its request was cancelled
                    continue
                if isinstance(reply, Exception):
                    waiting.set_exception(reply)
                else:
                    waiting.set_result(reply)
        self._exchanges = None

    async def _exchange(self, commands: list[tuple[Argument, ...]]) -> list[Any]:
        """Send commands and return a reply or a ResponseError for each. Any other failure closes the connection."""
        connection = await self._pool.get_connection()  # type: ignore[no-untyped-call] # redis-py's decorator hides the type
        try:
            await connection.send_packed_command(b"".join(hiredis.pack_command(command) for command in commands))  # type: ignore[arg-type] # its stub allows tuples of one only
            replies: list[Any] = []
            for _ in commands:
                try:
                    # No timeout per reply: it would cost more than the reply itself.
                    replies.append(await connection.read_unwatched(disable_decoding=True, timeout=math.inf))
                except ResponseError as refusal:
                    connection.note(refusal)
                    replies.append(refusal)
            return replies
        finally:
            await self._pool.release(connection)
