"""The files of a run: texts that its record cuts, pictures, and what was kept when a scenario failed.

Each is named by the SHA-256 of its content.
They back a finding and never make one: what cannot be kept is counted, and the run goes on.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from validation.core.files import write_whole
from validation.core.redaction import passwords, redacted
from validation.record.events import EvidenceLimited, Observed

FOLDER = "evidence"
MIB = 2**20
FILE_MAX = MIB
"""Longest file, in bytes. Of a longer text the beginning is kept."""
RUN_MAX = 64 * MIB
"""All files of a run together, in bytes."""
RIGHT_MAX = RUN_MAX // 2
"""What observations that were right may use of it, so that they leave room for findings."""


PICTURE = "picture"
"""What the file of an observation is called if it is a picture: PNG."""


def path_of(digest: str, what: str = "") -> str:
    """Return the path of the file with this digest, relative to the run's folder. `what` is what the observation calls it."""
    return f"{FOLDER}/{digest[:16]}.{'png' if what == PICTURE else 'txt'}"


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of a file's content, in hex."""
    return hashlib.sha256(content).hexdigest()


class Evidence:
    """Keeps the texts of one run as files.

    Args:
        folder: the run's folder.
        emit: called with each count of what was not kept in full: when that begins, and by `close`.
    """

    def __init__(self, folder: Path, emit: Callable[[EvidenceLimited], None]) -> None:
        self._folder = folder
        self._emit = emit
        self._secrets: set[str] = set()
        self._kept: set[str] = set()
        self._bytes = 0
        self._limited = self._told = EvidenceLimited(0, 0, 0)

    def hide(self, *urls: str) -> None:
        """Hide the passwords of these URLs in whatever is kept from now on."""
        self._secrets.update(word for url in urls for word in passwords(url))

    def redact(self, text: str) -> str:
        """Return a text without secrets."""
        return redacted(text, self._secrets)

    def keep(self, text: str, wrong: bool) -> str:
        """Keep a text without its secrets and return the SHA-256 of its file; empty if it is not kept.

        Args:
            text: the whole text.
            wrong: whether it belongs to a finding.
        """
        content = self.redact(text).encode("utf-8", "backslashreplace")
        beginning = _beginning(content)
        digest = self._write(beginning, wrong)
        if digest and beginning is not content:
            self._limit(cut=1)
        return digest

    def keep_picture(self, png: bytes, wrong: bool) -> str:
        """Keep a picture and return the SHA-256 of its file; empty if it is not kept."""
        if len(png) > FILE_MAX:
            self._limit(left_out=1)
            return ""
        return self._write(png, wrong, PICTURE)

    def _write(self, content: bytes, wrong: bool, what: str = "") -> str:
        digest = digest_of(content)
        if digest in self._kept:
            return digest
        if self._bytes + len(content) > (RUN_MAX if wrong else RIGHT_MAX):
            self._limit(left_out=1)
            return ""
        try:
            (self._folder / FOLDER).mkdir(exist_ok=True)
            write_whole(self._folder / path_of(digest, what), content)
        except OSError as error:
            self._limit(failed=1, why=str(error.strerror or error))
            return ""
        self._kept.add(digest)
        self._bytes += len(content)
        return digest

    def close(self) -> None:
        """Record the last count of what was not kept in full."""
        if self._limited != self._told:
            self._told = self._limited
            self._emit(self._limited)

    def _limit(self, left_out: int = 0, cut: int = 0, failed: int = 0, why: str = "") -> None:
        before, first = self._limited, not (self._told.left_out + self._told.cut + self._told.failed)
        self._limited = EvidenceLimited(before.left_out + left_out, before.cut + cut, before.failed + failed, why or before.why)
        if first:  # a run that is killed later says at least this
            self.close()


def together(limits: Sequence[EvidenceLimited]) -> EvidenceLimited:
    """Return what several parts of a run could not keep in full, as one event. The first error stands for all."""
    why = next((one.why for one in limits if one.why), "")
    return EvidenceLimited(sum(one.left_out for one in limits), sum(one.cut for one in limits), sum(one.failed for one in limits), why)


def digests(observations: tuple[Observed, ...]) -> dict[str, str]:
    """Return the files of some observations, as path → SHA-256."""
    return {path_of(digest, what): digest for one in observations for what, digest in one.files.items()}


def _beginning(content: bytes) -> bytes:
    if len(content) <= FILE_MAX:
        return content
    note = f"\n… (cut here: the first MiB of {len(content)} bytes)\n".encode()
    return content[: FILE_MAX - len(note)].decode("utf-8", "ignore").encode() + note
