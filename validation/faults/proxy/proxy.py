"""A link between a part of the system and a server: it passes everything on, and fails where and how it is told to.

It stops before or after a command that it is told to wait for, so that a crash can be placed there without luck or sleep.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from validation.core.errors import TargetUnavailable
from validation.core.waiting import Waited, eventually
from validation.faults.proxy import pgwire, resp
from validation.faults.proxy.traffic import WORD_BYTES, Command, Faults, Kind, Side, Witness

T = TypeVar("T")
CHUNK_BYTES = 65_536
SEEN_MAX = 5_000
CALL_SECONDS = 5.0
FRAMES: dict[str, Any] = {"redis": resp, "postgres": pgwire}


class Breakpoint:
    """A breakpoint: the first command that matches stops at it."""

    def __init__(self, link: "FaultProxy", match: Callable[[Command], bool], side: Side) -> None:
        self._link, self.match, self.side = link, match, side
        self.command: Command | None = None
        self.connection: _Connection | None = None
        self.reached = threading.Event()
        self.go_on = asyncio.Event()
        self.resets = False

    def wait(self, within: float) -> Waited[bool]:
        """Wait until a command has stopped here."""
        return eventually(self.reached.is_set, bool, within=within)

    def release(self) -> None:
        """Let it go on."""
        self._link.call(self._open)

    def drop(self) -> None:
        """Reset its connection: what is held goes nowhere."""
        self._link.call(self._drop)

    def release_and_reset(self) -> None:
        """Let the reply go on, and reset its connection right behind it."""
        self.resets = True
        self.release()

    async def _open(self) -> None:
        self.go_on.set()

    async def _drop(self) -> None:
        self._link.forget(self)
        if self.connection:
            self._link.witness.closed += 1
            self.connection.close(reset=True)
        self.go_on.set()


class FaultProxy:
    """A proxy on a free port of this machine.

    Args:
        upstream: host and port of the server.
        kind: which protocol is spoken.
    """

    def __init__(self, upstream: tuple[str, int], kind: Kind, host: str = "127.0.0.1") -> None:
        self.upstream, self.frames, self.host = upstream, FRAMES[kind], host
        self.port = 0
        self.seen: deque[Command] = deque(maxlen=SEEN_MAX)
        self.witness = Witness()
        self.faults = Faults()
        self._holds: list[Breakpoint] = []
        self._open: set[_Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"link-{kind}", daemon=True)
        self._server: asyncio.Server | None = None

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        self.call(self._listen)

    def close(self) -> None:
        """End the connections and the thread."""
        if self._thread.is_alive():
            self.call(self._stop)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(CALL_SECONDS)
        self._loop.close()

    def hold(self, match: Callable[[Command], bool], *, side: Side) -> Breakpoint:
        """Stop at the first command that matches: before the server has it, or once it is carried out and before the reply goes on."""
        held = Breakpoint(self, match, side)
        self._holds.append(held)
        return held

    def cut(self) -> None:
        """End every connection in order."""
        self.call(lambda: self._close_all(reset=False))

    def reset(self) -> None:
        """Reset every connection: both ends are told at once, and what is on its way is gone."""
        self.call(lambda: self._close_all(reset=True))

    def refuse(self, on: bool) -> None:
        """Close new connections as soon as they are made."""
        self.faults.refuse = on

    def blackhole(self, on: bool) -> None:
        """Take everything and pass nothing on."""
        self.faults.blackhole = on

    def slow(self, seconds: float) -> None:
        """Keep each piece back for a while."""
        self.faults.delay_seconds = seconds

    def drop_replies(self, on: bool) -> None:
        """Pass commands on, and no reply back."""
        self.faults.drop_replies = on

    def heal(self) -> None:
        """Be a good link again. Connections that something was kept from are reset: they would never be in step again."""
        broken = self.faults.blackhole or self.faults.drop_replies
        self.faults = Faults()
        for held in list(self._holds):
            held.drop()
        if broken:
            self.reset()

    def call(self, what: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run something on the link's own event loop."""
        return asyncio.run_coroutine_threadsafe(what(), self._loop).result(CALL_SECONDS)

    def forget(self, held: Breakpoint) -> None:
        """Take a breakpoint away."""
        with contextlib.suppress(ValueError):
            self._holds.remove(held)

    async def stop_at(self, command: Command, side: Side, connection: "_Connection") -> bool:
        """Stop here if a breakpoint says so. Gives whether the connection is to be reset behind what was stopped."""
        for held in list(self._holds):
            if held.side == side and held.match(command):
                self.forget(held)
                held.command, held.connection = command, connection
                self.witness.held += 1
                held.reached.set()
                await held.go_on.wait()
                return held.resets
        return False

    async def _listen(self) -> None:
        try:
            self._server = await asyncio.start_server(self._accept, self.host, 0)
        except OSError as error:
            raise TargetUnavailable(f"No link can be made: {error}.", f"no free port on {self.host}", "votecheck doctor") from None
        self.port = self._server.sockets[0].getsockname()[1]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.faults.refuse:
            self.witness.refused += 1
            _close(writer, reset=True)
            return
        self.witness.connections += 1
        try:
            up_reader, up_writer = await asyncio.open_connection(*self.upstream)
        except OSError:
            _close(writer, reset=True)
            return
        connection = _Connection(self, self.witness.connections, writer, up_writer)
        self._open.add(connection)
        try:
            await asyncio.gather(connection.requests(reader), connection.replies(up_reader))
        except asyncio.CancelledError:
            return  # the link is closed; before Python 3.12 asyncio would print how this task ended
        finally:
            connection.close(reset=False)
            self._open.discard(connection)

    async def _close_all(self, *, reset: bool) -> None:
        for connection in list(self._open):
            self.witness.closed += 1
            connection.close(reset=reset)

    async def _stop(self) -> None:
        if self._server:
            self._server.close()
        for held in self._holds:
            held.go_on.set()
        await self._close_all(reset=True)
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(eq=False)
class _Connection:
    """One client and its own connection to the server."""

    link: FaultProxy
    number: int
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    unanswered: deque[Command] = field(default_factory=deque)

    async def requests(self, reader: asyncio.StreamReader) -> None:
        """Pass on what the client sends, a command at a time."""
        link, frames = self.link, self.link.frames.Requests()
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                for whole, words, answered in frames.feed(data):
                    link.witness.commands += 1
                    told = tuple(word[:WORD_BYTES].decode("utf-8", "replace") for word in words[:20])
                    command = Command(link.witness.commands, self.number, told, answered)
                    link.seen.append(command)
                    await link.stop_at(command, "request", self)
                    if answered:
                        self.unanswered.append(command)
                    await self._pass(self.server, whole)
        self.close(reset=False)

    async def replies(self, reader: asyncio.StreamReader) -> None:
        """Pass on what the server answers, a reply at a time."""
        link, frames = self.link, self.link.frames.Replies()
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                for whole, answers in frames.feed(data):
                    resets = False
                    if answers and self.unanswered:
                        link.witness.replies += 1
                        resets = await link.stop_at(self.unanswered.popleft(), "reply", self)
                    if link.faults.drop_replies:
                        link.witness.swallowed_bytes += len(whole)
                    else:
                        await self._pass(self.client, whole)
                    if resets:
                        link.witness.closed += 1
                        self.close(reset=True)
        self.close(reset=False)

    async def _pass(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        faults, witness = self.link.faults, self.link.witness
        if faults.delay_seconds:
            witness.delayed += 1
            await asyncio.sleep(faults.delay_seconds)
        if self.link.faults.blackhole:
            witness.swallowed_bytes += len(data)
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
