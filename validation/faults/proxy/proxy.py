"""A proxy between a part of the system and a server: it forwards everything, and fails where and how it is told to.

It can stop before or after a given command, so that a crash is placed there without luck or sleep.
"""

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from validation.core.errors import TargetUnavailable
from validation.core.waiting import Waited, eventually
from validation.faults.proxy import http1, pgwire, resp
from validation.faults.proxy.traffic import WORD_BYTES, Command, ProxyBehavior, ProxyCounters, Side, WireProtocol

T = TypeVar("T")
CHUNK_BYTES = 65_536
COMMANDS_MAX = 5_000
CALL_SECONDS = 5.0
FRAMES: dict[str, Any] = {"redis": resp, "postgres": pgwire, "http": http1}


class Breakpoint:
    """A place where the first matching command stops."""

    def __init__(self, proxy: "FaultProxy", match: Callable[[Command], bool], side: Side) -> None:
        self._proxy, self.match, self.side = proxy, match, side
        self.command: Command | None = None
        self.connection: _Connection | None = None
        self.reached = threading.Event()
        self.resume = asyncio.Event()
        self.resets = False

    def wait(self, within: float) -> Waited[bool]:
        """Wait until a command has stopped here."""
        return eventually(self.reached.is_set, bool, within=within)

    def release(self) -> None:
        """Forward what was stopped."""
        self._proxy.call(self._open)

    def drop(self) -> None:
        """Reset the connection; what was stopped is not forwarded."""
        self._proxy.call(self._drop)

    def release_and_reset(self) -> None:
        """Forward the reply, and reset the connection right after it."""
        self.resets = True
        self.release()

    async def _open(self) -> None:
        self.resume.set()

    async def _drop(self) -> None:
        self._proxy.forget(self)
        if self.connection:
            self._proxy.counters.closed += 1
            self.connection.close(reset=True)
        self.resume.set()


class FaultProxy:
    """A proxy on a free port of this machine.

    Args:
        upstream: host and port of the server.
        protocol: the protocol that the server speaks.
        host: the address to listen at.
    """

    def __init__(self, upstream: tuple[str, int], protocol: WireProtocol, host: str = "127.0.0.1") -> None:
        self.upstream, self.frames, self.host = upstream, FRAMES[protocol], host
        self.port = 0
        self.commands: deque[Command] = deque(maxlen=COMMANDS_MAX)
        self.counters = ProxyCounters()
        self.behavior = ProxyBehavior()
        self._breakpoints: list[Breakpoint] = []
        self._answers: list[tuple[Callable[[Command], bool], bytes]] = []
        self.open: set[_Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{protocol}", daemon=True)
        self._server: asyncio.Server | None = None

    def start(self) -> None:
        """Listen on a free port."""
        self._thread.start()
        self.call(self._listen)

    def close(self) -> None:
        """Close all connections and stop the thread."""
        if self._thread.is_alive():
            self.call(self._stop)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(CALL_SECONDS)
        self._loop.close()

    def break_at(self, match: Callable[[Command], bool], *, side: Side) -> Breakpoint:
        """Stop at the first matching command: before it reaches the server, or after its execution and before the reply is forwarded."""
        breakpoint_ = Breakpoint(self, match, side)
        self._breakpoints.append(breakpoint_)
        return breakpoint_

    def answer_next(self, match: Callable[[Command], bool], reply: bytes) -> None:
        """Answer the next matching command with `reply`. It does not reach the server. No earlier command may be unanswered."""
        self._answers.append((match, reply))

    def demote(self, reply: bytes) -> None:
        """Answer every command on the connections that are open now with `reply`: the name leads elsewhere, and they lead where it led."""
        self.behavior.demoted, self.behavior.refusal = self.counters.connections, reply

    def take_answer(self, command: Command) -> bytes | None:
        """Return the reply that was prepared for a command, if any."""
        prepared = next((one for one in self._answers if one[0](command)), None)
        if prepared:
            self._answers.remove(prepared)
        elif command.connection > self.behavior.demoted:
            return None
        self.counters.answered += 1
        return prepared[1] if prepared else self.behavior.refusal

    def close_connections(self) -> None:
        """Close every connection cleanly."""
        self.call(lambda: self._close_all(reset=False))

    def reset(self) -> None:
        """Reset every connection: both ends notice at once, and data in flight is lost."""
        self.call(lambda: self._close_all(reset=True))

    def refuse(self, on: bool) -> None:
        """Reset new connections as soon as they are opened."""
        self.behavior.refuse = on

    def blackhole(self, on: bool) -> None:
        """Accept all data and forward none of it."""
        self.behavior.blackhole = on

    def slow(self, seconds: float) -> None:
        """Delay each forwarded piece."""
        self.behavior.delay_seconds = seconds

    def drop_replies(self, on: bool) -> None:
        """Forward commands and drop the replies."""
        self.behavior.drop_replies = on

    def heal(self) -> None:
        """Forward everything again. Connections that have lost data are reset: they would never be in step again."""
        lossy = self.behavior.blackhole or self.behavior.drop_replies
        self.behavior = ProxyBehavior()
        for breakpoint_ in list(self._breakpoints):
            breakpoint_.drop()
        if lossy:
            self.reset()

    def call(self, what: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine on the proxy's event loop and return its result."""
        return asyncio.run_coroutine_threadsafe(what(), self._loop).result(CALL_SECONDS)

    def forget(self, breakpoint_: Breakpoint) -> None:
        """Remove a breakpoint."""
        with contextlib.suppress(ValueError):
            self._breakpoints.remove(breakpoint_)

    async def stop_at(self, command: Command, side: Side, connection: "_Connection") -> bool:
        """Wait at a matching breakpoint, if any. Return whether to reset the connection after what was stopped."""
        for breakpoint_ in list(self._breakpoints):
            if breakpoint_.side == side and breakpoint_.match(command):
                self.forget(breakpoint_)
                breakpoint_.command, breakpoint_.connection = command, connection
                self.counters.held += 1
                breakpoint_.reached.set()
                await breakpoint_.resume.wait()
                return breakpoint_.resets
        return False

    async def _listen(self) -> None:
        try:
            self._server = await asyncio.start_server(self._accept, self.host, 0)
        except OSError as error:
            raise TargetUnavailable(f"Cannot start a fault proxy: {error}.", f"no free port on {self.host}", "votecheck doctor") from None
        self.port = self._server.sockets[0].getsockname()[1]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.behavior.refuse:
            self.counters.refused += 1
            self.counters.refused_at.append(time.monotonic())
            _close(writer, reset=True)
            return
        self.counters.connections += 1
        try:
            up_reader, up_writer = await asyncio.open_connection(*self.upstream)
        except OSError:
            _close(writer, reset=True)
            return
        connection = _Connection(self, self.counters.connections, writer, up_writer)
        self.open.add(connection)
        try:
            await asyncio.gather(connection.requests(reader), connection.replies(up_reader))
        except asyncio.CancelledError:
            return  # the proxy was closed; before Python 3.12 asyncio would print how this task ended
        finally:
            connection.close(reset=False)
            self.open.discard(connection)

    async def _close_all(self, *, reset: bool) -> None:
        for connection in list(self.open):
            self.counters.closed += 1
            connection.close(reset=reset)

    async def _stop(self) -> None:
        if self._server:
            self._server.close()
        for breakpoint_ in self._breakpoints:
            breakpoint_.resume.set()
        await self._close_all(reset=True)
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(eq=False)
class _Connection:
    """One client and its connection to the server."""

    proxy: FaultProxy
    number: int
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    unanswered: deque[Command] = field(default_factory=deque)

    async def requests(self, reader: asyncio.StreamReader) -> None:
        """Forward what the client sends, one command at a time."""
        proxy, frames = self.proxy, self.proxy.frames.Requests()
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                for message, words, answered in frames.feed(data):
                    proxy.counters.commands += 1
                    cut = tuple(word[:WORD_BYTES].decode("utf-8", "replace") for word in words[:20])
                    command = Command(proxy.counters.commands, self.number, cut, answered)
                    proxy.commands.append(command)
                    await proxy.stop_at(command, "request", self)
                    if (reply := proxy.take_answer(command)) is not None:
                        await self._forward(self.client, reply)
                        continue
                    if answered:
                        self.unanswered.append(command)
                    await self._forward(self.server, message)
        self.close(reset=False)

    async def replies(self, reader: asyncio.StreamReader) -> None:
        """Forward what the server replies, one reply at a time."""
        proxy, frames = self.proxy, self.proxy.frames.Replies()
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                for message, answers in frames.feed(data):
                    resets = False
                    if answers and self.unanswered:
                        proxy.counters.replies += 1
                        resets = await proxy.stop_at(self.unanswered.popleft(), "reply", self)
                    if proxy.behavior.drop_replies:
                        proxy.counters.swallowed_bytes += len(message)
                    else:
                        await self._forward(self.client, message)
                    if resets:
                        proxy.counters.closed += 1
                        self.close(reset=True)
        self.close(reset=False)

    async def _forward(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        counters, delay_seconds = self.proxy.counters, self.proxy.behavior.delay_seconds
        if delay_seconds:
            counters.delayed += 1
            await asyncio.sleep(delay_seconds)
        if self.proxy.behavior.blackhole:
            counters.swallowed_bytes += len(data)
        elif not writer.is_closing():
            writer.write(data)
            await writer.drain()

    def close(self, *, reset: bool) -> None:
        """Close both ends."""
        for writer in (self.client, self.server):
            _close(writer, reset=reset)


def _close(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    if writer.is_closing():
        return
    if reset:
        with contextlib.suppress(OSError):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    else:
        writer.close()
