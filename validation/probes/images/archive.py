"""Read a saved container image, in docker-archive or OCI layout, without running or unpacking it."""

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
from validation.probes.images.layers import EXHAUSTION, headers, open_tar

DOCUMENT_MAX = 4 << 20
"""Maximum size of a JSON document in the archive, in bytes."""
IMAGE_MAX = 4 << 30
"""Maximum unpacked size of all layers, in bytes. A larger image is a decompression bomb."""
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
BROKEN = (tarfile.TarError, zlib.error, EOFError, OSError)
MALFORMED = (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError)
"""Errors from reading JSON of an unexpected shape."""
SAVE_AGAIN = "save it again: podman save --format docker-archive, or docker save"


@dataclass(frozen=True, slots=True)
class Blob:
    """One layer in the archive.

    Attributes:
        name: its file in the archive.
        digest: digest of its unpacked tar, as the image's configuration states it.
    """

    name: str
    digest: str


class _Measured:
    """An unpacked layer that computes its size and digest while it is read."""

    def __init__(self, source: IO[bytes], limit: int) -> None:
        self._source, self._limit, self._hash = source, limit, hashlib.sha256()
        self.size = 0

    def read(self, size: int) -> bytes:
        """Read the next bytes."""
        read = self._source.read(size)
        self.size += len(read)
        if self.size > self._limit:
            raise ProbeError(f"The layers of an image exceed {IMAGE_MAX >> 30} GiB unpacked.", EXHAUSTION)
        self._hash.update(read)
        return read

    def digest(self) -> str:
        """Read to the end and return the digest."""
        while self.read(1 << 20):
            pass
        return f"sha256:{self._hash.hexdigest()}"


class Archive:
    """An open archive.

    Attributes:
        config: the image's configuration.
        identity: the image id: the digest of the configuration.
        blobs: the layers, lowest first.
    """

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self._members = {header.name.removeprefix("./"): header for header in headers(archive)}
        self._left = IMAGE_MAX
        config, names = self._docker() if "manifest.json" in self._members else self._oci()
        document = self._read(config)
        self.identity = f"sha256:{hashlib.sha256(document).hexdigest()}"
        self.config: dict[str, Any] = json.loads(document)
        digests = self.config["rootfs"]["diff_ids"]
        if len(digests) != len(names):
            raise ProbeError(
                f"The archive has {len(names)} layers, but the image's configuration lists {len(digests)}.",
                "the archive was changed",
                SAVE_AGAIN,
            )
        self.blobs = tuple(Blob(name, digest) for name, digest in zip(names, digests, strict=True))

    def layer(self, blob: Blob, use: Callable[[IO[bytes]], None]) -> int:
        """Read a layer to its end with `use`, and return its unpacked size in bytes.

        Raises:
            ProbeError: its digest does not match the configuration.
        """
        with self._open(blob.name) as packed:
            first = packed.read(4)
            packed.seek(0)
            if first == ZSTD:
                raise ProbeError(f"The layer {blob.name} is compressed with zstd.", "the engine is configured to use zstd", SAVE_AGAIN)
            plain = cast("IO[bytes]", gzip.GzipFile(fileobj=packed)) if first.startswith(GZIP) else packed
            measured = _Measured(plain, self._left)
            use(cast("IO[bytes]", measured))
            if measured.digest() != blob.digest:
                raise ProbeError(
                    f"The digest of layer {blob.name} is not {blob.digest}.", "the archive is truncated or was changed", SAVE_AGAIN
                )
        self._left -= measured.size
        return measured.size

    def _docker(self) -> tuple[str, list[str]]:
        images = json.loads(self._read("manifest.json"))
        if len(images) != 1:
            raise ProbeError(f"The archive contains {len(images)} images; it must contain one.", next_command=SAVE_AGAIN)
        return images[0]["Config"], images[0]["Layers"]

    def _oci(self) -> tuple[str, list[str]]:
        manifest = json.loads(self._read("index.json"))
        while "manifests" in manifest:
            found = [m for m in manifest["manifests"] if "vnd.docker.reference.type" not in m.get("annotations", {})]
            if len(found) != 1:
                raise ProbeError(f"The archive contains {len(found)} images; it must contain one.", next_command=SAVE_AGAIN)
            manifest = json.loads(self._checked(found[0]["digest"]))
        self._checked(manifest["config"]["digest"])
        return _blob(manifest["config"]["digest"]), [_blob(layer["digest"]) for layer in manifest["layers"]]

    def _checked(self, digest: str) -> bytes:
        document = self._read(_blob(digest))
        if f"sha256:{hashlib.sha256(document).hexdigest()}" != digest:
            raise ProbeError(f"The content of blob {digest} does not match its digest.", "the archive was changed", SAVE_AGAIN)
        return document

    def _read(self, name: str) -> bytes:
        with self._open(name) as file:
            document = file.read(DOCUMENT_MAX + 1)
        if len(document) > DOCUMENT_MAX:
            raise ProbeError(f"{name} in the archive exceeds {DOCUMENT_MAX} bytes.", EXHAUSTION)
        return document

    def _open(self, name: str) -> IO[bytes]:
        member = self._members[name]
        if member.issym():  # older docker archives store a shared layer once and link to it
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
        ProbeError: it is not an image, is truncated, or was changed. Raised while opening it or inside the block.
    """
    try:
        with file.open("rb") as stream, open_tar(stream, "r:") as archive:
            yield Archive(archive)
    except (*BROKEN, *MALFORMED) as error:
        what = f"Cannot read {file.name} as an image: {type(error).__name__}: {error}"
        raise ProbeError(what, "it is truncated, or not a saved image", SAVE_AGAIN) from error
