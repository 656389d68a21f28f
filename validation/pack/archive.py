"""Writes a pack as a folder and as an archive, and opens either."""

import gzip
import io
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from validation.core.errors import UsageError
from validation.core.files import write_whole
from validation.pack.statement import STATEMENT
from validation.report.across.summaries import PACKED

FILES_MAX = 20_000
BYTES_MAX = 2**30
"""The most that is unpacked: an archive from a stranger must not fill the disk."""


def is_pack(place: Path) -> bool:
    """Return whether a path is a pack: an archive, or a folder with a statement."""
    return (place.is_file() and place.name.endswith(PACKED)) or (place / STATEMENT).is_file()


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write a pack as a folder and, beside it, as an archive; return the archive. An earlier one of the same run is replaced.

    The archive has no times and no owners: the same files give the same bytes.

    Raises:
        OSError: it cannot be written.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        for name in sorted(files):
            entry = tarfile.TarInfo(f"{folder.name}/{name}")
            entry.size, entry.mode = len(files[name]), 0o644
            tar.addfile(entry, io.BytesIO(files[name]))
    archive = folder.with_name(f"{folder.name}{PACKED}")
    write_whole(archive, packed.getvalue())
    return archive


@contextmanager
def opened(pack: Path) -> Iterator[Path]:
    """Yield the folder of a pack; an archive is unpacked into a temporary one.

    Raises:
        UsageError: it is not an archive of one folder, or unpacks to more than a pack can hold.
    """
    if pack.is_dir():
        yield pack
        return
    with tempfile.TemporaryDirectory(prefix="votecheck-pack-") as place:
        try:
            with tarfile.open(pack, mode="r:gz") as tar:
                _unpack(tar, Path(place))
        except (tarfile.TarError, OSError, EOFError, ValueError) as error:
            raise UsageError(f"{pack} is not a pack: {error}", "it was cut off, or changed on the way", "votecheck bundle") from error
        folders = list(Path(place).iterdir())
        if len(folders) != 1 or not folders[0].is_dir():
            raise UsageError(f"{pack} is not a pack: it does not hold exactly one folder.", "", "votecheck bundle")
        yield folders[0]


def _unpack(tar: tarfile.TarFile, place: Path) -> None:
    count = size = 0
    for entry in tar:
        count, size = count + 1, size + entry.size
        if count > FILES_MAX or size > BYTES_MAX:
            raise ValueError(f"it unpacks to more than {FILES_MAX} files or {BYTES_MAX // 2**20} MiB")
        name = PurePosixPath(entry.name)
        if name.is_absolute() or ".." in name.parts or not (entry.isfile() or entry.isdir()):
            raise ValueError(f"{entry.name} is not a file inside its folder")
        if content := tar.extractfile(entry):  # not `extract`: its filter is missing before Python 3.11.4, which Debian 12 has
            file = place / name
            file.parent.mkdir(parents=True, exist_ok=True)
            with content, file.open("xb") as copy:
                shutil.copyfileobj(content, copy)
