"""What the images are called, and what they are made from: its files, digest and revision."""

import hashlib
from pathlib import Path

from validation.core import protocol
from validation.core.digests import contents, files_below
from validation.core.git import git

PARTS = ("api", "consumer")
LOAD = "load"
"""The generator, for load from inside a cluster: no part of the system, and built only then."""
FOLDERS = {"api": "system", "consumer": "system", LOAD: "loadtests"}
"""What each image is built from."""
DIGEST_LABEL = "votecheck.source-digest"
UNKNOWN = "unknown"
VERSIONS = {"api": protocol.API_VERSION, "consumer": protocol.CONSUMER_VERSION, LOAD: protocol.API_VERSION}


def reference(part: str, tag: str = "") -> str:
    """Name an image: `voting-api:0.3.2`. Without a tag it is the part's released version."""
    return f"voting-{part}:{tag or VERSIONS[part]}"


def digest(source: Path, part: str = "api") -> str:
    """Give the digest of the folder that an image is built from, by default the system's: of each file's path and content, in their order.

    Byte code and what other tools leave behind is left out, as it is of the build.
    """
    folder = source / FOLDERS[part]
    return f"sha256:{hashlib.sha256(b''.join(contents(folder, files_below(folder)))).hexdigest()}"


def dockerfile(source: Path, part: str) -> Path:
    """Give the file that says how an image is built."""
    return source / "loadtests" / "Dockerfile" if part == LOAD else source / "system" / "images" / f"{part}.Dockerfile"


def revision(source: Path, part: str = "api") -> str:
    """Give the commit that a source is of, with `-dirty` where an image's folder is not as committed; "unknown" without a repository."""
    if not (source / ".git").exists():  # a folder inside somebody else's repository is not of that commit
        return UNKNOWN
    commit = git(source, "rev-parse", "HEAD")
    if commit is None:
        return UNKNOWN
    return commit.strip() + "-dirty" * bool(git(source, "status", "--porcelain", "--", FOLDERS[part]) != "")
