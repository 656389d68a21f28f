"""Build saved images by hand, valid and invalid, as an engine would write them."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from validation.probes.images.inspection import Image, read
from validation.probes.images.layers import Entry

KEY = "-----BEGIN PRIVATE KEY-----\n" + "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0w" * 3 + "\n-----END PRIVATE KEY-----\n"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@dataclass(frozen=True)
class File:
    """One path of a layer: a folder ends with a slash, a link has a target."""

    path: str
    content: str | bytes = ""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    target: str = ""
    hard: bool = False
    pax: dict[str, str] = field(default_factory=dict)

    def add(self, archive: tarfile.TarFile) -> None:
        header = tarfile.TarInfo(self.path.rstrip("/"))
        header.mode, header.uid, header.gid, header.pax_headers = self.mode, self.uid, self.gid, dict(self.pax)
        content = self.content if isinstance(self.content, bytes) else self.content.encode()
        if self.target:
            header.type, header.linkname = tarfile.LNKTYPE if self.hard else tarfile.SYMTYPE, self.target
        elif self.path.endswith("/"):
            header.type = tarfile.DIRTYPE
        else:
            header.size = len(content)
        archive.addfile(header, io.BytesIO(content) if header.size else None)


Layer = Sequence[File] | bytes
CLEAN: tuple[tuple[File, ...], ...] = (
    (
        File("tmp/", mode=0o1777),
        File("usr/bin/python3.13", b"\x7fELF", 0o755),
        File("usr/lib/x86_64-linux-gnu/libc.so.6", b"\x7fELF", 0o755),
        File("etc/shadow", "root:*:19000:0:99999:7:::\n", 0o640),
        File("etc/ssl/certs/ca-certificates.pem", CERTIFICATE),
        File("home/nonroot/", mode=0o700, uid=65532, gid=65532),
        File("var/lib/dpkg/status.d/libc6", "Package: libc6\nVersion: 2.41-12\nArchitecture: amd64\n\n"),
        File("usr/lib/os-release", 'ID=debian\nVERSION_ID="13"\n'),
    ),
    (
        File("app/packages/some/__init__.py", "x = 1\n"),
        File("app/packages/some-1.2.dist-info/METADATA", "Metadata-Version: 2.4\nName: some\nVersion: 1.2\nLicense-Expression: MIT\n\n"),
        File("app/packages/some-1.2.dist-info/RECORD", "some/__init__.py,,\nsome-1.2.dist-info/METADATA,,\nsome-1.2.dist-info/RECORD,,\n"),
        File("app/system/api/__init__.py", ""),
    ),
)
"""The layers of an image without findings."""
CONFIG: dict[str, Any] = {
    "User": "65532:65532",
    "Env": ["PATH=/usr/bin", "PYTHONPATH=/app"],
    "Labels": {"org.opencontainers.image.title": "voting-api"},
    "Entrypoint": ["/usr/bin/python3.13", "-m", "system.api"],
    "Cmd": None,
    "ExposedPorts": {"8000/tcp": {}},
}


def packed(layer: Layer) -> bytes:
    """Return the tar archive of a layer. Bytes are returned unchanged."""
    if isinstance(layer, bytes):
        return layer
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for file in layer:
            file.add(archive)
    return stream.getvalue()


def archive_of(files: dict[str, bytes]) -> bytes:
    """Return a tar archive of files."""
    return packed([File(name, content) for name, content in files.items()])


def config_of(layers: Sequence[bytes], config: dict[str, Any], history: Sequence[str]) -> bytes:
    steps = [{"created_by": by, "empty_layer": True} for by in history] + [{"created_by": f"COPY {n}"} for n, _ in enumerate(layers)]
    document = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-11-24T22:10:14.204296979Z",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
        "history": steps,
    }
    return json.dumps(document).encode()


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def docker(  # noqa: PLR0913 - the ways in which images differ
    file: Path,
    layers: Sequence[Layer] = CLEAN,
    config: dict[str, Any] | None = None,
    history: Sequence[str] = (),
    *,
    zipped: bool = False,
    instead: dict[str, bytes] | None = None,
) -> Path:
    """Save an image as docker and podman do. `instead` replaces files of the archive."""
    plain = [packed(layer) for layer in layers]
    files = {f"{n}.tar": gzip.compress(layer, mtime=0) if zipped else layer for n, layer in enumerate(plain)}
    files["config.json"] = config_of(plain, CONFIG | (config or {}), history)
    files["manifest.json"] = json.dumps(
        [{"Config": "config.json", "RepoTags": ["a:1"], "Layers": [f"{n}.tar" for n in range(len(plain))]}]
    ).encode()
    file.write_bytes(archive_of(files | (instead or {})))
    return file


def oci(file: Path, layers: Sequence[Layer] = CLEAN, config: dict[str, Any] | None = None, *, zipped: bool = True) -> Path:
    """Save an image as an OCI layout, with a nested index and an attestation, as docker does."""
    plain = [packed(layer) for layer in layers]
    blobs = [gzip.compress(layer, mtime=0) if zipped else layer for layer in plain]
    document = config_of(plain, CONFIG | (config or {}), ())
    manifest = json.dumps({"config": {"digest": digest(document)}, "layers": [{"digest": digest(blob)} for blob in blobs]}).encode()
    attested = {"digest": digest(b"{}"), "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    inner = json.dumps({"manifests": [{"digest": digest(manifest)}, attested]}).encode()
    files = {"index.json": json.dumps({"manifests": [{"digest": digest(inner)}]}).encode(), "oci-layout": b"{}"}
    for blob in (*blobs, document, manifest, inner, b"{}"):
        files[f"blobs/{digest(blob).replace(':', '/')}"] = blob
    file.write_bytes(archive_of(files))
    return file


def image(
    folder: Path, *added: File, config: dict[str, Any] | None = None, history: Sequence[str] = (), above: Sequence[File] = ()
) -> Image:
    """Return the clean image with one more layer, and optionally another one above it."""
    return read(docker(folder / "image.tar", [*CLEAN, added, *([above] if above else [])], config, history), "voting-api:1")


def entry(path: str, kind: str = "file", **fields: Any) -> Entry:
    return Entry(path, kind, **({"mode": 0o644, "uid": 0, "gid": 0} | fields))
