"""Reads the layers of a container image, without unpacking them, and lays them over one another.

A layer is hostile until it is read: what it claims of itself costs bounded memory, and what breaks off or is garbage is an error, never
a shorter list of files.
"""

import posixpath
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import IO, Any, Self

from validation.core.errors import ProbeError

HEADER_MAX = 1 << 20
"""Bytes of an extended header: names and attributes. Readers of tar hold it in memory."""
PATH_MAX = 4096
"""Characters of a path, as in Linux."""
ENTRIES_MAX = 500_000
CONTENT_MAX = 4 << 20
"""Bytes of a file that is looked into; in a larger one no secret is looked for."""
WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
CAPABILITY = "security.capability"
KINDS = {tarfile.DIRTYPE: "folder", tarfile.SYMTYPE: "symlink", tarfile.LNKTYPE: "hardlink"}

Look = Callable[[str, bytes], tuple[tuple[str, ...], bytes]]
"""Given a path and a content: what is wrong with it, and what of it is to be kept."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of a layer.

    Attributes:
        path: from the root: `/usr/bin/python3`.
        kind: file, folder, symlink, hardlink or special.
        mode: permissions, with setuid, setgid and sticky bit.
        uid, gid: the owner.
        size: of a file, in bytes.
        target: where a link points, as it is written there.
        capable: it carries file capabilities.
        signs: what looks like a secret in it.
        content: its content, where it was asked for.
    """

    path: str
    kind: str
    mode: int
    uid: int
    gid: int
    size: int = 0
    target: str = ""
    capable: bool = False
    signs: tuple[str, ...] = ()
    content: bytes = field(default=b"", repr=False)

    @property
    def name(self) -> str:
        """The last part of its path."""
        return posixpath.basename(self.path)


class _Header(tarfile.TarInfo):
    """A header that is refused where tarfile would read on for as long as it is told, or quietly stop."""

    @classmethod
    def fromtarfile(cls, tarfile_: Any) -> Self:
        """Read the next header; tarfile would take one that is cut off, or none at all, for the end."""
        try:
            return super().fromtarfile(tarfile_)
        except (tarfile.TruncatedHeaderError, tarfile.InvalidHeaderError) as error:  # type: ignore[attr-defined]
            raise tarfile.ReadError(f"a header is none: {error}") from error

    def _proc_member(self, tarfile_: Any) -> Any:  # tarfile names this method as the one to override
        extended = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
        if self.type in extended and self.size > HEADER_MAX:
            raise ProbeError(f"A tar archive has an extended header of {self.size} bytes.", "it was made to exhaust its readers")
        return super()._proc_member(tarfile_)  # type: ignore[misc]


def headers(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Give the headers of an archive one after the other, without keeping them.

    Raises:
        ProbeError: there are too many, or one is too long.
    """
    for number, header in enumerate(archive):
        if number >= ENTRIES_MAX:
            raise ProbeError(f"A tar archive has more than {ENTRIES_MAX} entries.", "it was made to exhaust its readers")
        if header.size < 0:  # tarfile would go back, or stop
            raise ProbeError(f"A tar archive has a file of {header.size} bytes.", "it was made to mislead its readers")
        if max(len(header.name), len(header.linkname)) > PATH_MAX:
            raise ProbeError(f"A tar archive has a path of more than {PATH_MAX} characters.", "it was made to exhaust its readers")
        archive.members = []  # type: ignore[attr-defined] # tarfile would keep them all
        yield header


def opened(stream: IO[bytes], mode: str) -> tarfile.TarFile:
    """Open an archive whose headers are held to the limits of this module."""
    return tarfile.open(fileobj=stream, mode=mode, tarinfo=_Header, errors="surrogateescape")  # type: ignore[call-overload,no-any-return]


def entries(stream: IO[bytes], look: Look) -> Iterator[Entry]:
    """Read one layer.

    Args:
        stream: its tar archive, read once from beginning to end.
        look: looks into each file of at most `CONTENT_MAX` bytes.

    Raises:
        ProbeError: it is not a layer, or was made to exhaust its readers.
    """
    with opened(stream, "r|") as archive:
        for header in headers(archive):
            path = normal(header.name)
            capable = any(name.endswith(CAPABILITY) for name in header.pax_headers)
            kind = "file" if header.isreg() else KINDS.get(header.type, "special")
            entry = Entry(path, kind, header.mode & 0o7777, header.uid, header.gid, capable=capable)
            if kind == "file":
                source = archive.extractfile(header) if header.size <= CONTENT_MAX else None
                signs, content = look(path, source.read()) if source else ((), b"")
                entry = replace(entry, size=header.size, signs=signs, content=content)
            elif kind in ("symlink", "hardlink"):
                entry = replace(entry, target=normal(header.linkname) if kind == "hardlink" else header.linkname)
            yield entry


def normal(name: str) -> str:
    """Write a path of a layer from the root.

    Raises:
        ProbeError: it leads out of the image.
    """
    if ".." in name.split("/"):
        raise ProbeError(f"A layer has the path {name!r}, which leads out of it.", "it was made to overwrite files of who unpacks it")
    return posixpath.normpath(f"/{name.lstrip('/')}")


class Tree:
    """The files of an image: each layer lies over those before it."""

    def __init__(self) -> None:
        self.files: dict[str, Entry] = {}
        self._inside: dict[str, set[str]] = {}

    def lay(self, layer: Iterable[Entry]) -> None:
        """Lay one more layer over what is there: first it takes away, then it adds."""
        added = []
        for entry in layer:
            folder = posixpath.dirname(entry.path)
            if entry.name == OPAQUE:
                for inside in list(self._inside.get(folder, ())):
                    self._remove(inside)
            elif entry.name.startswith(WHITEOUT):
                self._remove(posixpath.join(folder, entry.name.removeprefix(WHITEOUT)))
            else:
                added.append(entry)
        for entry in added:
            self._add(entry)

    def _add(self, entry: Entry) -> None:
        before = self.files.get(entry.path)
        if before and (before.kind, entry.kind) != ("folder", "folder"):
            self._remove(entry.path)
        self.files[entry.path] = entry
        inner, outer = entry.path, posixpath.dirname(entry.path)
        while inner != outer and inner not in self._inside.setdefault(outer, set()):
            self._inside[outer].add(inner)
            inner, outer = outer, posixpath.dirname(outer)

    def _remove(self, path: str) -> None:
        self._inside.get(posixpath.dirname(path), set()).discard(path)
        going = [path]
        while going:
            gone = going.pop()
            self.files.pop(gone, None)
            going.extend(self._inside.pop(gone, ()))
