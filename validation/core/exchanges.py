"""The latest HTTP requests of the running scenario with their responses. A scenario that fails keeps them.

`inputs` shortens what a scenario sent, so that a report can show it. Here each request stands in full beside its response.
"""

from collections import deque
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime

from validation.core.commands import SECRET
from validation.core.inputs import HIDDEN

LATEST = 20
"""How many exchanges a scenario remembers."""
BODY_MAX = 65_536
"""Bytes that are remembered of one body."""
Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came back, as text.

    Attributes:
        at: when the response was complete, UTC.
        request: line, headers and body.
        response: status and duration, headers and body; or why none came.
    """

    at: str
    request: str
    response: str

    def __str__(self) -> str:
        """The request, and the response below it."""
        return f"--- {self.at}\n{self.request}\n\n{self.response}"


CURRENT: ContextVar[deque[Exchange] | None] = ContextVar("exchanges of the scenario", default=None)


def begin() -> deque[Exchange]:
    """Begin the exchanges of a scenario in this thread, and return them; the latest is the last."""
    latest: deque[Exchange] = deque(maxlen=LATEST)
    CURRENT.set(latest)
    return latest


def note(sent: str, received: str) -> None:
    """Note a request and its response, of the scenario that this thread runs; without one, do nothing."""
    if (latest := CURRENT.get()) is not None:
        latest.append(Exchange(datetime.now(UTC).isoformat(timespec="milliseconds"), sent, received))


def request(method: str, path: str, headers: Headers, content: object) -> str:
    """Return a request as text."""
    return _message(f"{method} {path}", headers, content if isinstance(content, bytes) else b"(a body in chunks)")


def response(status: int, headers: Headers, content: bytes, seconds: float) -> str:
    """Return a response as text, with the seconds that it took."""
    return _message(f"{status or 'closed without a status'} ({seconds:.3f} s)", headers, content)


def missing(error: BaseException) -> str:
    """Return why no response came."""
    return f"no response: {type(error).__name__}: {error}"


def body(content: bytes) -> str:
    r"""Return a body as text; bytes that are not UTF-8 as `\xff`."""
    text = content[:BODY_MAX].decode("utf-8", "backslashreplace")
    return text if len(content) <= BODY_MAX else f"{text}… ({len(content)} bytes)"


def _message(first: str, headers: Headers, content: bytes) -> str:
    lines = [first, *(f"{name}: {HIDDEN if SECRET.search(name) else value}" for name, value in headers)]
    return "\n".join([*lines, "", body(content)]) if content else "\n".join(lines)
