"""Opens a container image that an engine has saved to a file, without running or unpacking it: docker-archive or OCI layout."""

import gzip
import hashlib
import json
import posixpath
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from validation.core.errors import ProbeError
from validation.probes.images.layers import headers, opened

DOCUMENT_MAX = 4 << 20
IMAGE_MAX = 4 << 30
"""Bytes of all layers, unpacked: more is a bomb, and no image of ours."""
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
BROKEN = (tarfile.TarError, zlib.error, EOFError, OSError)
MISSHAPEN = (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError)
"""What reading JSON of another shape than expected ends in."""
SAVE_AGAIN = "podman save --format docker-archive, or docker save"


@dataclass(frozen=True, slots=True)
class Blob:
    """One layer as it lies in the archive.

    Attributes:
        name: its file in the archive.
        digest: of its unpacked tar, as the image's configuration says.
    """

    name: str
    digest: str


class _Measured:
    """An unpacked layer that counts and digests what is read of it."""

    def __init__(self, source: IO[bytes], limit: int) -> None:
        self._source, self._limit, self._told = source, limit, hashlib.sha256()
        self.size = 0

    def read(self, size: int) -> bytes:
        """Read on."""
        read = self._source.read(size)
        self.size += len(read)
        if self.size > self._limit:
            raise ProbeError(f"The layers of an image are more than {IMAGE_MAX >> 30} GiB, unpacked.", "it was made to exhaust its readers")
        self._told.update(read)
        return read

    def digest(self) -> str:
        """Read to the end and give the digest of all."""
        while self.read(1 << 20):
            pass
        return f"sha256:{self._told.hexdigest()}"


class Archive:
    """An opened archive.

    Attributes:
        config: the image's configuration.
        identity: the digest of it, which is the image's id.
        blobs: its layers, the lowest first.
    """

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self._members = {header.name.removeprefix("./"): header for header in headers(archive)}
        self._left = IMAGE_MAX
        config, names = self._docker() if "manifest.json" in self._members else self._oci()
        told = self._read(config)
        self.identity = f"sha256:{hashlib.sha256(told).hexdigest()}"
        self.config: dict[str, Any] = json.loads(told)
        digests = self.config["rootfs"]["diff_ids"]
        if len(digests) != len(names):
            raise ProbeError(
                f"The image has {len(names)} layers, and its configuration tells of {len(digests)}.", "the archive was changed"
            )
        self.blobs = tuple(Blob(name, digest) for name, digest in zip(names, digests, strict=True))

    def layer(self, blob: Blob, use: Callable[[IO[bytes]], None]) -> int:
        """Have a layer read from beginning to end, and give its size, unpacked.

        Raises:
            ProbeError: it is not what the configuration says.
        """
        with self._open(blob.name) as packed:
            first = packed.read(4)
            packed.seek(0)
            if first == ZSTD:
                raise ProbeError(f"The layer {blob.name} is packed with zstd.", "the engine was told so", SAVE_AGAIN)
            plain = cast("IO[bytes]", gzip.GzipFile(fileobj=packed)) if first.startswith(GZIP) else packed
            measured = _Measured(plain, self._left)
            use(cast("IO[bytes]", measured))
            if measured.digest() != blob.digest:
                raise ProbeError(f"The layer {blob.name} is not {blob.digest}.", "the archive is cut off, or was changed", SAVE_AGAIN)
        self._left -= measured.size
        return measured.size

    def _docker(self) -> tuple[str, list[str]]:
        images = json.loads(self._read("manifest.json"))
        if len(images) != 1:
            raise ProbeError(f"The archive holds {len(images)} images, and one is looked at.", next_command=SAVE_AGAIN)
        return images[0]["Config"], images[0]["Layers"]

    def _oci(self) -> tuple[str, list[str]]:
        manifest = json.loads(self._read("index.json"))
        while "manifests" in manifest:
            found = [m for m in manifest["manifests"] if "vnd.docker.reference.type" not in m.get("annotations", {})]
            if len(found) != 1:
                raise ProbeError(f"The archive holds {len(found)} images, and one is looked at.", next_command=SAVE_AGAIN)
            manifest = json.loads(self._checked(found[0]["digest"]))
        self._checked(manifest["config"]["digest"])
        return _blob(manifest["config"]["digest"]), [_blob(layer["digest"]) for layer in manifest["layers"]]

    def _checked(self, digest: str) -> bytes:
        told = self._read(_blob(digest))
        if f"sha256:{hashlib.sha256(told).hexdigest()}" != digest:
            raise ProbeError(f"The blob {digest} of the archive is another.", "the archive was changed", SAVE_AGAIN)
        return told

    def _read(self, name: str) -> bytes:
        with self._open(name) as document:
            told = document.read(DOCUMENT_MAX + 1)
        if len(told) > DOCUMENT_MAX:
            raise ProbeError(f"{name} in the archive has more than {DOCUMENT_MAX} bytes.", "it was made to exhaust its readers")
        return told

    def _open(self, name: str) -> IO[bytes]:
        member = self._members[name]
        if member.issym():  # docker's older archives hold a layer once that several images share
            member = self._members[posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))]
        file = self._archive.extractfile(member) if member.isreg() else None
        if file is None:
            raise ProbeError(f"{name} in the archive is not a file.", "the archive was changed", SAVE_AGAIN)
        return file


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/', 1)}"


@contextmanager
def open_archive(file: Path) -> Iterator[Archive]:
    """Open a saved image.

    Raises:
        ProbeError: it is none, it is cut off, or it was changed; also while it is being read.
    """
    try:
        with file.open("rb") as stream, opened(stream, "r:") as archive:
            yield Archive(archive)
    except (*BROKEN, *MISSHAPEN) as error:
        what = f"{file.name} cannot be read as an image: {type(error).__name__}: {error}"
        raise ProbeError(what, "it is cut off, or is none", SAVE_AGAIN) from error
