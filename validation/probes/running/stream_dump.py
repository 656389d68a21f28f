"""What DUMP returns for a stream, with consumer names that have been idle for longer.

Redis reads no clock that a test could set, and has no command for the time a name was last seen. A dump holds it: after the name follow
two numbers of eight bytes, when it was last seen and when it last got an entry, in milliseconds since the epoch. A dump ends with its
version in two bytes and its CRC-64 in eight.
"""

import struct
from collections.abc import Collection
from functools import cache

from validation.core.errors import ProbeError

POLYNOMIAL = 0x95AC9329AC4BC9B5
"""CRC-64 of Jones, reflected, as Redis computes it."""
TIMES = struct.Struct("<qq")
NEVER = -1
SHORT = 64
"""A text of up to 63 bytes is written after one byte with its length; Redis compresses those above 20 bytes."""
PLAIN_MAX = 20


def older(dump: bytes, names: Collection[str], milliseconds: int) -> bytes:
    """Return the dump with each of the names idle for longer.

    Raises:
        ProbeError: a name is not in it exactly once.
    """
    body = bytearray(dump[:-8])
    for name in names:
        text = name.encode()
        if len(text) > PLAIN_MAX:
            raise ProbeError(f"The name {name} is longer than {PLAIN_MAX} bytes.", "Redis compresses it")
        written = bytes([len(text)]) + text
        at = body.find(written)
        if at < 0 or body.find(written, at + 1) >= 0:
            raise ProbeError(f"The name {name} is not in the dump exactly once.", "a consumer removed it, or the format has changed")
        seen, active = TIMES.unpack_from(body, at + len(written))
        TIMES.pack_into(body, at + len(written), seen - milliseconds, active if active == NEVER else active - milliseconds)
    return bytes(body) + struct.pack("<Q", crc64(bytes(body)))


def crc64(data: bytes) -> int:
    """Return the checksum that Redis writes at the end of a dump."""
    table, crc = _table(), 0
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc


@cache
def _table() -> list[int]:
    found = []
    for number in range(256):
        value = number
        for _ in range(8):
            value = (value >> 1) ^ POLYNOMIAL if value & 1 else value >> 1
        found.append(value)
    return found
