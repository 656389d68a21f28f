"""Read the layers of a container image without unpacking them, and merge them into one file tree.

Layers are untrusted: whatever their headers claim, reading them takes bounded memory. A truncated or damaged layer is an error, never a
shorter list of files.
"""

import posixpath
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import IO, Any, Self

from validation.core.errors import ProbeError

HEADER_MAX = 1 << 20
"""Maximum size in bytes of an extended header (names and attributes), which tarfile keeps in memory."""
PATH_MAX = 4096
"""Maximum length of a path in characters, as in Linux."""
ENTRIES_MAX = 500_000
CONTENT_MAX = 4 << 20
"""Maximum size in bytes of a file whose content is inspected. Larger files are not searched for secrets."""
WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
CAPABILITY = "security.capability"
KINDS = {tarfile.DIRTYPE: "folder", tarfile.SYMTYPE: "symlink", tarfile.LNKTYPE: "hardlink"}

Inspector = Callable[[str, bytes], tuple[tuple[str, ...], bytes]]
"""Given path and content of a file, return the kinds of secrets found, and the content to keep."""
EXHAUSTION = "the image was made to exhaust its readers"


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of a layer.

    Attributes:
        path: absolute path, such as `/usr/bin/python3`.
        kind: file, folder, symlink, hardlink or special.
        mode: permissions, with setuid, setgid and sticky bit.
        uid, gid: the owner.
        size: size of a file, in bytes.
        target: target of a link, as stated.
        has_capabilities: whether it carries file capabilities.
        secrets: kinds of secrets found in its name or content.
        content: the content, if it was kept.
    """

    path: str
    kind: str
    mode: int
    uid: int
    gid: int
    size: int = 0
    target: str = ""
    has_capabilities: bool = False
    secrets: tuple[str, ...] = ()
    content: bytes = field(default=b"", repr=False)

    @property
    def name(self) -> str:
        """Last part of the path."""
        return posixpath.basename(self.path)


class _Header(tarfile.TarInfo):
    """A header that raises an error where tarfile would read without limit, or silently stop."""

    @classmethod
    def fromtarfile(cls, tarfile_: Any) -> Self:
        """Read the next header. tarfile takes a truncated or invalid one for the end of the archive."""
        try:
            return super().fromtarfile(tarfile_)
        except (tarfile.TruncatedHeaderError, tarfile.InvalidHeaderError) as error:  # type: ignore[attr-defined]
            raise tarfile.ReadError(f"invalid header: {error}") from error

    def _proc_member(self, tarfile_: Any) -> Any:  # documented by tarfile as the method to override
        extended = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
        if self.type in extended and self.size > HEADER_MAX:
            raise ProbeError(f"A tar archive has an extended header of {self.size} bytes.", EXHAUSTION)
        return super()._proc_member(tarfile_)  # type: ignore[misc]


def headers(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield the headers of an archive without keeping them.

    Raises:
        ProbeError: there are too many headers, a path is too long, or a size is negative.
    """
    for number, header in enumerate(archive):
        if number >= ENTRIES_MAX:
            raise ProbeError(f"A tar archive has more than {ENTRIES_MAX} entries.", EXHAUSTION)
        if header.size < 0:  # tarfile would seek backwards, or stop
            raise ProbeError(f"A tar archive has a file of {header.size} bytes.", "the image was made to mislead its readers")
        if max(len(header.name), len(header.linkname)) > PATH_MAX:
            raise ProbeError(f"A tar archive has a path of more than {PATH_MAX} characters.", EXHAUSTION)
        archive.members = []  # type: ignore[attr-defined] # tarfile would keep every header
        yield header


def open_tar(stream: IO[bytes], mode: str) -> tarfile.TarFile:
    """Open an archive with the limits of this module."""
    return tarfile.open(fileobj=stream, mode=mode, tarinfo=_Header, errors="surrogateescape")  # type: ignore[call-overload,no-any-return]


def entries(stream: IO[bytes], inspect: Inspector) -> Iterator[Entry]:
    """Yield the entries of one layer.

    Args:
        stream: its tar archive, read once from start to end.
        inspect: called with each file of at most `CONTENT_MAX` bytes.

    Raises:
        ProbeError: it is not a valid layer, or exceeds a limit.
    """
    with open_tar(stream, "r|") as archive:
        for header in headers(archive):
            path = absolute(header.name)
            has_capabilities = any(name.endswith(CAPABILITY) for name in header.pax_headers)
            kind = "file" if header.isreg() else KINDS.get(header.type, "special")
            entry = Entry(path, kind, header.mode & 0o7777, header.uid, header.gid, has_capabilities=has_capabilities)
            if kind == "file":
                source = archive.extractfile(header) if header.size <= CONTENT_MAX else None
                secrets, content = inspect(path, source.read()) if source else ((), b"")
                entry = replace(entry, size=header.size, secrets=secrets, content=content)
            elif kind in ("symlink", "hardlink"):
                entry = replace(entry, target=absolute(header.linkname) if kind == "hardlink" else header.linkname)
            yield entry


def absolute(name: str) -> str:
    """Return a path of a layer as a normalized absolute path.

    Raises:
        ProbeError: it contains `..`.
    """
    if ".." in name.split("/"):
        raise ProbeError(
            f"A layer has the path {name!r}, which leads out of it.", "the image was made to overwrite files where it is unpacked"
        )
    return posixpath.normpath(f"/{name.lstrip('/')}")


class Tree:
    """The merged files of an image."""

    def __init__(self) -> None:
        self.files: dict[str, Entry] = {}
        self._inside: dict[str, set[str]] = {}

    def apply(self, layer: Iterable[Entry]) -> None:
        """Apply the next layer: first its whiteouts, then its entries."""
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
        pending = [path]
        while pending:
            removed = pending.pop()
            self.files.pop(removed, None)
            pending.extend(self._inside.pop(removed, ()))
