"""What goes along a link: commands, what is done to them, and the account of it."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["redis", "postgres"]
Side = Literal["request", "reply"]
WORD_BYTES = 1500


@dataclass(frozen=True, slots=True)
class Command:
    """A command that came along.

    Attributes:
        number: the how manieth of its link.
        connection: on which connection.
        words: its words, cut to `WORD_BYTES` each.
        answered: whether the server has an answer for it alone.
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
class Witness:
    """What the link did, for the proof that a fault took effect."""

    connections: int = 0
    commands: int = 0
    replies: int = 0
    held: int = 0
    swallowed_bytes: int = 0
    closed: int = 0
    refused: int = 0
    delayed: int = 0


@dataclass
class Faults:
    """What the link does to everything that passes."""

    refuse: bool = False
    blackhole: bool = False
    drop_replies: bool = False
    delay_seconds: float = 0.0
