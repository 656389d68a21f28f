"""What passes through a fault proxy: commands, what the proxy does to them, and its counters."""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

WireProtocol = Literal["redis", "postgres", "http"]
Side = Literal["request", "reply"]
WORD_BYTES = 1500
REFUSALS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Command:
    """A command that a client sent.

    Attributes:
        number: its position among all commands of the proxy, from 1.
        connection: the number of its connection.
        words: its words, each cut to `WORD_BYTES`.
        answered: whether the server replies to this command alone.
    """

    number: int
    connection: int
    words: tuple[str, ...]
    answered: bool = True

    @property
    def label(self) -> str:
        """Its first word: XADD, EVALSHA; connect, prepare, execute."""
        return self.words[0] if self.words else ""


@dataclass
class ProxyCounters:
    """What the proxy has done so far: the proof that a fault took effect. `refused_at`: monotonic seconds of the latest refusals."""

    connections: int = 0
    commands: int = 0
    replies: int = 0
    held: int = 0
    swallowed_bytes: int = 0
    closed: int = 0
    refused: int = 0
    delayed: int = 0
    answered: int = 0
    refused_at: deque[float] = field(default_factory=lambda: deque(maxlen=REFUSALS_MAX))


@dataclass
class ProxyBehavior:
    """What the proxy does to everything that passes through it."""

    refuse: bool = False
    blackhole: bool = False
    drop_replies: bool = False
    delay_seconds: float = 0.0
    demoted: int = 0
    refusal: bytes = b""
