"""Framing of the Redis protocol: where a command or a reply ends, however TCP splits the bytes."""

from collections.abc import Iterator

LINE_END = b"\r\n"
BULK = frozenset(b"$=!")
COUNTED = {ord("*"): 1, ord("~"): 1, ord(">"): 1, ord("%"): 2, ord("|"): 2}
"""Types whose first line announces a count, and how many values follow for each unit of that count."""
PUSH, ATTRIBUTE = ord(">"), ord("|")


class Requests:
    """The client's commands: arrays of strings."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[bytes, list[bytes], bool]]:
        """Take bytes. Yield each complete command: its bytes, its words, and True, since every command is answered."""
        self._buffer += data
        while (end := _end(self._buffer, 0)) is not None:
            whole = bytes(self._buffer[:end])
            del self._buffer[:end]
            yield whole, _words(whole), True


class Replies:
    """The server's replies."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """Take bytes. Yield each complete value, and whether it answers a command (a push does not)."""
        self._buffer += data
        while (end := _end(self._buffer, 0)) is not None:
            whole = bytes(self._buffer[:end])
            del self._buffer[:end]
            yield whole, whole[0] != PUSH


def _end(buffer: bytearray, start: int) -> int | None:
    """Return where the value that begins at `start` ends; None if a part of it has not arrived."""
    position, missing = start, 1
    while missing:
        line = buffer.find(LINE_END, position)
        if line < 0:
            return None
        kind, text = buffer[position], bytes(buffer[position + 1 : line])
        position = line + len(LINE_END)
        missing -= 1
        if kind in BULK and int(text) >= 0:
            position += int(text) + len(LINE_END)
            if position > len(buffer):
                return None
        elif kind in COUNTED:
            missing += max(int(text), 0) * COUNTED[kind] + (kind == ATTRIBUTE)  # an attribute is followed by the value it describes
    return position


def _words(command: bytes) -> list[bytes]:
    if command[:1] != b"*":
        return command.split()
    words, position = [], command.index(LINE_END) + 2
    while position < len(command):
        line = command.index(LINE_END, position)
        length = int(command[position + 1 : line])
        words.append(command[line + 2 : line + 2 + length])
        position = line + 4 + length
    return words
