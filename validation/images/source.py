"""Names, sources, digests and revisions of the images."""

import hashlib
from pathlib import Path

from validation.core import protocol
from validation.core.digests import contents, files_below
from validation.core.git import git

PARTS = ("api", "consumer")
LOAD = "load"
"""The load generator, built only for load from inside a cluster. It is not part of the system."""
FOLDERS = {"api": "system", "consumer": "system", LOAD: "loadtests"}
"""Source folder of each image."""
DIGEST_LABEL = "votecheck.source-digest"
UNKNOWN = "unknown"
VERSIONS = {"api": protocol.API_VERSION, "consumer": protocol.CONSUMER_VERSION, LOAD: protocol.API_VERSION}


def reference(part: str, tag: str = "") -> str:
    """Return the name of an image, such as `voting-api:0.3.2`. The default tag is the released version of the part."""
    return f"voting-{part}:{tag or VERSIONS[part]}"


def digest(source: Path, part: str = "api") -> str:
    """Return the digest of an image's source folder, over the path and content of each file in sorted order.

    Byte code and files that tools leave behind are ignored, here and in the build.
    """
    folder = source / FOLDERS[part]
    return f"sha256:{hashlib.sha256(b''.join(contents(folder, files_below(folder)))).hexdigest()}"


def dockerfile(source: Path, part: str) -> Path:
    """Return the path of an image's Dockerfile."""
    return source / "loadtests" / "Dockerfile" if part == LOAD else source / "system" / "images" / f"{part}.Dockerfile"


def revision(source: Path, part: str = "api") -> str:
    """Return the commit of a source, with `-dirty` if an image's folder has uncommitted changes. "unknown" without a repository."""
    if not (source / ".git").exists():  # a folder inside another repository does not belong to that commit
        return UNKNOWN
    commit = git(source, "rev-parse", "HEAD")
    if commit is None:
        return UNKNOWN
    return commit.strip() + "-dirty" * bool(git(source, "status", "--porcelain", "--", FOLDERS[part]) != "")
