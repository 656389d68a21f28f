"""Make a vulnerability database that trivy can read: a bbolt file, whose format is simple enough to write by hand."""

import json
import struct
from datetime import UTC, datetime
from pathlib import Path

PAGE = 4096
META, LEAF, FREE = 0x04, 0x02, 0x10
Bucket = dict[str, "Bucket | str"]


def make(folder: Path, packages: dict[str, str], updated: datetime | None = None) -> Path:
    """Write a database in which each Python package has one vulnerability, fixed in the given version; empty if there is no fix."""
    source = "pip::GitHub Security Advisory Pip"
    buckets: Bucket = {
        "data-source": {source: json.dumps({"ID": "ghsa", "Name": source, "URL": "https://example.org"})},
        source: {
            name: {f"CVE-2026-{number}": json.dumps({"VulnerableVersions": [">=0"], "PatchedVersions": [fixed] if fixed else []})}
            for number, (name, fixed) in enumerate(sorted(packages.items()), 1000)
        },
        "vulnerability": {
            f"CVE-2026-{number}": json.dumps({"Title": f"A vulnerability of {name}", "Severity": "HIGH", "VendorSeverity": {"ghsa": 3}})
            for number, name in enumerate(sorted(packages), 1000)
        },
    }
    (folder / "db").mkdir(parents=True)
    (folder / "db" / "trivy.db").write_bytes(_file(buckets))
    time = (updated or datetime.now(UTC)).isoformat()
    (folder / "db" / "metadata.json").write_text(json.dumps({"Version": 2, "UpdatedAt": time, "NextUpdate": time, "DownloadedAt": time}))
    return folder


def _file(buckets: Bucket) -> bytes:
    pages = dict.fromkeys(range(4), b"")
    pages[3] = _leaf(3, buckets, pages)
    pages[2] = struct.pack("<QHHI", 2, FREE, 0, 0)
    for number in (0, 1):
        meta = struct.pack("<IIIIQQQQQ", 0xED0CDAED, 2, PAGE, 0, 3, 0, 2, len(pages), number)
        pages[number] = struct.pack("<QHHI", number, META, 0, 0) + meta + struct.pack("<Q", _fnv(meta))
    assert all(len(page) <= PAGE for page in pages.values())
    return b"".join(page.ljust(PAGE, b"\0") for _, page in sorted(pages.items()))


def _leaf(number: int, bucket: Bucket, pages: dict[int, bytes]) -> bytes:
    elements, data = b"", b""
    for position, (key, value) in enumerate(sorted(bucket.items())):
        offset = 16 * (len(bucket) - position) + len(data)
        content = value.encode() if isinstance(value, str) else _inner(value, pages)
        elements += struct.pack("<IIII", int(not isinstance(value, str)), offset, len(key), len(content))
        data += key.encode() + content
    return struct.pack("<QHHI", number, LEAF, len(bucket), 0) + elements + data


def _inner(bucket: Bucket, pages: dict[int, bytes]) -> bytes:
    if all(isinstance(value, str) for value in bucket.values()):  # stored inline, in the page of its parent
        return struct.pack("<QQ", 0, 0) + _leaf(0, bucket, pages)
    number = len(pages)
    pages[number] = b""
    pages[number] = _leaf(number, bucket, pages)
    return struct.pack("<QQ", number, 0)


def _fnv(data: bytes) -> int:
    checksum = 0xCBF29CE484222325
    for byte in data:
        checksum = (checksum ^ byte) * 0x100000001B3 % 2**64
    return checksum
