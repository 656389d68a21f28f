"""Commands of concurrent requests, sent to Redis together: one write and one sync to disk for all of them."""

import asyncio
import math
from typing import Any

import hiredis
from redis.asyncio import ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from system.errors import CONNECTION_GONE

DEADLINE_SECONDS = 0.9
"""Of one exchange, connecting included. A command waits for at most the exchange before its own, so it ends within 1.8 s."""

Argument = str | bytes | int
Waiting = tuple[tuple[Argument, ...], "asyncio.Future[Any]"]


class Pipeline:
    """Collects the commands of an event-loop turn, and those that come while the ones before are on their way.

    With `appendfsync always` Redis syncs once for all commands that it reads together. redis-py's own pipeline packs in Python and
    costs three times as much a command as its connection with hiredis' packer.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._waiting: list[Waiting] = []
        self._exchanges: asyncio.Task[None] | None = None

    async def execute(self, *command: Argument) -> Any:
        """Send a command and give its reply.

        Raises:
            RedisError: Redis refused the command, or its reply was lost: then it may or may not have been carried out.
            TimeoutError: no reply within `DEADLINE_SECONDS` of being sent; the same holds.
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
            except Exception as failure:  # noqa: BLE001 - not swallowed: every request of the batch raises it
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
        """Send commands and give a reply or a refusal for each. Any other failure closes the connection."""
        connection = await self._pool.get_connection()  # type: ignore[no-untyped-call] # redis-py's decorator hides its type
        try:
            await connection.send_packed_command(b"".join(hiredis.pack_command(command) for command in commands))  # type: ignore[arg-type] # its stub allows tuples of one only
            replies: list[Any] = []
            for _ in commands:
                try:
                    # Without a deadline of its own: one for each reply would cost more than the reply.
                    replies.append(await connection.read_response(disable_decoding=True, timeout=math.inf))
                except ResponseError as refusal:
                    replies.append(refusal)
            return replies
        finally:
            await self._pool.release(connection)
