"""What the images are called, and the digest of what they are made from."""

import hashlib
from pathlib import Path

from validation import protocol

PARTS = ("api", "consumer")
DIGEST_LABEL = "votecheck.source-digest"
_VERSIONS = {"api": protocol.API_VERSION, "consumer": protocol.CONSUMER_VERSION}


def reference(part: str, tag: str = "") -> str:
    """Name an image: `voting-api:0.3.2`. Without a tag it is the part's released version."""
    return f"voting-{part}:{tag or _VERSIONS[part]}"


def digest(source: Path) -> str:
    """Give the digest of `system/`, from which both images are built: of each file's path and content, in order of the paths.

    Byte code and what other tools leave behind is left out, as it is of the build.
    """
    told = hashlib.sha256()
    folder = source / "system"
    for file in sorted(folder.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            told.update(f"{file.relative_to(folder).as_posix()}\0{file.stat().st_size}\0".encode())
            told.update(file.read_bytes())
    return f"sha256:{told.hexdigest()}"
