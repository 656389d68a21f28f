"""Commands of concurrent requests, sent to Redis in one write for each turn of the event loop."""

import asyncio
from typing import Any

from redis.asyncio import Redis

DEADLINE_SECONDS = 1.5
"""From the write to the last reply, connecting included: what is left of 2 s is for the request around it."""

Argument = str | bytes | int


class TurnPipeline:
    """Collects what the requests of one turn want and gives each its own reply.

    With `appendfsync always` Redis syncs once for all commands that it reads together, so commands sent together cost one sync.
    """

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._waiting: list[tuple[tuple[Argument, ...], asyncio.Future[Any]]] = []
        self._writes: set[asyncio.Task[None]] = set()

    async def execute(self, *command: Argument) -> Any:
        """Send a command and wait for its reply.

        Raises:
            RedisError: Redis refused the command, or its reply was lost: then it may or may not have been carried out.
            TimeoutError: no reply within `DEADLINE_SECONDS`; the same holds.
        """
        loop = asyncio.get_running_loop()
        reply = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._write)
        self._waiting.append((command, reply))
        return await reply

    def _write(self) -> None:
        batch, self._waiting = self._waiting, []
        write = asyncio.get_running_loop().create_task(self._exchange(batch))
        self._writes.add(write)  # the loop itself keeps only a weak reference
        write.add_done_callback(self._writes.discard)

    async def _exchange(self, batch: list[tuple[tuple[Argument, ...], asyncio.Future[Any]]]) -> None:
        replies: list[Any]
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                pipe = self._client.pipeline(transaction=False)
                for command, _ in batch:
                    pipe.execute_command(*command)
                replies = await pipe.execute(raise_on_error=False)
        except Exception as failure:  # noqa: BLE001 - not swallowed: every request of the batch raises it
            replies = [failure] * len(batch)
        for (_, waiting), reply in zip(batch, replies, strict=True):
            if waiting.done():  # its request was cancelled
                continue
            if isinstance(reply, Exception):
                waiting.set_exception(reply)
            else:
                waiting.set_result(reply)
