"""Framing of the PostgreSQL protocol: where a client's request ends, and where the server's reply to it ends."""

from collections.abc import Iterator

SSL_REQUEST, GSS_REQUEST = 80877103, 80877104
NO_SSL = ord("N")  # the reply to an SSL request: one byte without a length, before anything else; the managed servers offer no SSL
LENGTH_BYTES, START_BYTES = 4, 8
ENDS_A_REQUEST = frozenset(b"SQpHX")  # Sync, Query, password, Flush, Terminate
UNANSWERED = frozenset(b"HX")  # Flush is answered without a ReadyForQuery, Terminate not at all
AUTHENTICATION, ASKS_FOR_MORE = ord("R"), frozenset({3, 5, 10, 11})
"""Cleartext, MD5, and the two SASL steps that the client must answer."""
PARSE, BIND, QUERY, TERMINATE, READY = b"P", b"B", b"Q", b"X", ord("Z")

NOT_IN_A_TRANSACTION = b"Z\0\0\0\5I"


def refusal(code: str, text: str) -> bytes:
    """Return the reply to a request that the server refuses with an SQLSTATE."""
    fields = b"".join(kind + word.encode() + b"\0" for kind, word in ((b"S", "ERROR"), (b"V", "ERROR"), (b"C", code), (b"M", text))) + b"\0"
    return b"E" + (len(fields) + LENGTH_BYTES).to_bytes(LENGTH_BYTES) + fields + NOT_IN_A_TRANSACTION


class Requests:
    """The client's messages, grouped into requests that the server answers as one."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._started = False
        self._group = bytearray()
        self._words: list[bytes] = []
        self._texts: dict[bytes, bytes] = {}

    def feed(self, data: bytes) -> Iterator[tuple[bytes, list[bytes], bool]]:
        """Take bytes. Yield each complete request: its bytes, its words (kind and statement), and whether the server answers it."""
        self._buffer += data
        while (message := self._message()) is not None:
            kind, body = message
            self._describe(kind, body)
            if kind in (b"", b"ssl") or kind[0] in ENDS_A_REQUEST:
                whole, words = bytes(self._group), self._words
                self._group, self._words = bytearray(), []
                yield whole, words or [kind], kind in (b"", b"ssl") or kind[0] not in UNANSWERED

    def _message(self) -> tuple[bytes, bytes] | None:
        head = 0 if not self._started else 1
        if len(self._buffer) < head + LENGTH_BYTES:
            return None
        end = head + int.from_bytes(self._buffer[head : head + LENGTH_BYTES])
        if len(self._buffer) < end:
            return None
        kind, whole = bytes(self._buffer[:head]), bytes(self._buffer[:end])
        del self._buffer[:end]
        self._group += whole
        if not head:
            code = int.from_bytes(whole[LENGTH_BYTES:START_BYTES])
            if code in (SSL_REQUEST, GSS_REQUEST):
                return b"ssl", b""
            self._started = True
        return kind, whole[head + LENGTH_BYTES :]

    def _describe(self, kind: bytes, body: bytes) -> None:
        if kind == b"ssl":
            self._words = [b"ssl"]
        elif kind == b"":
            self._words = [b"connect"]
        elif kind == PARSE:
            name, text = body.split(b"\0", 2)[:2]
            self._texts[name] = text
            self._words = [b"prepare", text]
        elif kind == BIND:
            name = body.split(b"\0", 2)[1]
            self._words = [b"execute", self._texts.get(name, b"")]
        elif kind == QUERY:
            self._words = [b"query", body.rstrip(b"\0")]
        elif kind == TERMINATE:
            self._words = [b"terminate"]


class Replies:
    """The server's messages, one at a time; the last of a reply tells that the server is ready for the next request."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._plain = False

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """Take bytes. Yield each complete message, and whether it completes the reply to a request."""
        self._buffer += data
        while self._buffer:
            if not self._plain and self._buffer[0] == NO_SSL:
                yield bytes(self._buffer[:1]), True
                del self._buffer[:1]
                continue
            self._plain = True
            end = 1 + int.from_bytes(self._buffer[1 : 1 + LENGTH_BYTES]) if len(self._buffer) > LENGTH_BYTES else 0
            if not end or len(self._buffer) < end:
                return
            whole = bytes(self._buffer[:end])
            del self._buffer[:end]
            asks = whole[0] == AUTHENTICATION and int.from_bytes(whole[5:9]) in ASKS_FOR_MORE
            yield whole, asks or whole[0] == READY
