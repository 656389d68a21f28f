"""A pooler for PostgreSQL at its worst: it ignores start-up parameters, and no transaction finds what an earlier one left in its session.

PgBouncer in transaction mode behaves like this under load. Here it is certain, so what survives here depends on no session.
"""

import asyncio
import contextlib
import threading

from validation.faults.proxy import pgwire

CHUNK_BYTES = 65_536
CALL_SECONDS = 5.0
PROTOCOL_3 = (196_608).to_bytes(4)
KEPT_PARAMETERS = frozenset({b"user", b"database", b"client_encoding"})
IDLE = ord("I")
"""The status in ReadyForQuery outside a transaction."""
_DISCARD = b"discard all\0"
FORGET = b"Q" + (len(_DISCARD) + pgwire.LENGTH_BYTES).to_bytes(pgwire.LENGTH_BYTES) + _DISCARD
"""The query that leaves a session as a new one is: no prepared statements, no settings."""
NO_TRANSACTIONS = pgwire.refusal("08P01", "transaction blocks not allowed in statement pooling mode")
"""The words of PgBouncer."""


class TransactionPooler:
    """A pooler on a free port of this machine, before the server at `upstream` (host and port).

    Args:
        upstream: the server.
        host: the address to listen at.
        statements: like PgBouncer in statement mode, it ends the session of a client that begins a transaction.
        keeps: sessions forget nothing, and stay open when their clients have gone, for the next ones.
    """

    def __init__(self, upstream: tuple[str, int], host: str = "127.0.0.1", *, statements: bool = False, keeps: bool = False) -> None:
        self.upstream, self.host, self.statements, self.keeps = upstream, host, statements, keeps
        self.kept: list[asyncio.StreamWriter] = []
        self.port = 0
        self.forgotten = 0
        """How many transactions were followed by a session that forgot them."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="pooler", daemon=True)
        self._clients: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def start(self) -> None:
        """Listen on a free port."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(CALL_SECONDS)

    def close(self) -> None:
        """Close all connections and stop the thread."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(CALL_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_SECONDS)
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        if self._server:
            self._server.close()
        for session in self.kept:
            session.close()
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._clients.add(task)
            task.add_done_callback(self._clients.discard)
        client = _Client(self, writer)
        try:
            with contextlib.suppress(OSError):
                await client.serve(reader)
        except asyncio.CancelledError:
            return  # before Python 3.12 asyncio would print how this task ended
        finally:
            client.close()


class _Client:
    """One client and its session, which forgets everything after each transaction."""

    def __init__(self, pooler: TransactionPooler, writer: asyncio.StreamWriter) -> None:
        self._pooler = pooler
        self._writer = writer
        self._session: asyncio.StreamWriter | None = None
        self._replies: asyncio.Task[None] | None = None

    async def serve(self, reader: asyncio.StreamReader) -> None:
        requests = pgwire.Requests()
        while data := await reader.read(CHUNK_BYTES):
            for message, words, _ in requests.feed(data):
                if words == [b"ssl"]:
                    self._writer.write(b"N")
                elif words == [b"connect"]:
                    await self._open(without_parameters(message))
                elif words == [b"terminate"]:
                    return
                elif self._session:
                    self._session.write(message)

    async def _open(self, greeting: bytes) -> None:
        reader, self._session = await asyncio.open_connection(*self._pooler.upstream)
        self._session.write(greeting)
        self._replies = asyncio.create_task(self._forward(reader, self._session))

    async def _forward(self, reader: asyncio.StreamReader, session: asyncio.StreamWriter) -> None:
        """Forward replies. The one that ends a transaction waits until the session has forgotten it."""
        replies, ended = pgwire.Replies(), b""
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                for message, _ in replies.feed(data):
                    idle = message[0] == pgwire.READY and message[-1] == IDLE
                    if self._pooler.statements and message[0] == pgwire.READY and not idle:
                        self._writer.write(NO_TRANSACTIONS)
                        self.close()
                        return
                    if ended:
                        if idle:
                            self._pooler.forgotten += 1
                            self._writer.write(ended)
                            ended = b""
                    elif idle and not self._pooler.keeps:
                        ended = message
                        session.write(FORGET)
                    else:
                        self._writer.write(message)
        self.close()  # the server ended the session, so the client's ends, too

    def close(self) -> None:
        if self._replies and self._replies is not asyncio.current_task():
            self._replies.cancel()
        if self._session and self._pooler.keeps:
            self._pooler.kept.append(self._session)
        elif self._session:
            self._session.close()
        self._writer.close()


def without_parameters(message: bytes) -> bytes:
    """Return a start-up message with only the parameters that a pooler passes on."""
    words = message[pgwire.START_BYTES :].split(b"\0")
    kept = [word for pair in zip(words[::2], words[1::2], strict=False) if pair[0] in KEPT_PARAMETERS for word in pair]
    body = PROTOCOL_3 + b"".join(word + b"\0" for word in kept) + b"\0"
    return (len(body) + pgwire.LENGTH_BYTES).to_bytes(pgwire.LENGTH_BYTES) + body
