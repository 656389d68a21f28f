"""Find what an image should not contain: programs, permissions, build leftovers, secrets. Each function returns what it found."""

import re
from collections.abc import Iterator
from pathlib import Path

from validation.probes.images.inspection import Image
from validation.probes.images.layers import Entry
from validation.probes.images.secrets import in_text

MODULES = "/app/system/"
"""Where the images have the modules of the system."""
SHELLS = frozenset(["sh", "ash", "bash", "dash", "fish", "ksh", "mksh", "rbash", "tcsh", "csh", "zsh", "busybox", "toybox"])
PACKAGE_MANAGERS = re.compile(
    r"(apt(-get|-cache|-key|-mark)?|aptitude|dpkg(-deb|-query)?|apk|rpm|yum|dnf|microdnf|pacman|conda|mamba|uvx?|poetry|pipx|pip[\d.]*|easy_install)"
)
PYTHON_INSTALLERS = re.compile(r"/.*/((pip|uv|conda|poetry)-[^/]+\.dist-info/METADATA|ensurepip/_bundled/.+)")
COMPILERS = re.compile(
    r"(.+-linux-gnu-)?(gcc|g\+\+|cc|c\+\+|c[89]9|cpp|clang|clang\+\+|tcc|ld|ld\.bfd|ld\.gold|as|make|cmake|ninja|go|rustc|cargo|javac)(-[\d.]+)?"
)
TEMPORARY = frozenset({"/tmp", "/var/tmp", "/run/lock", "/var/lock", "/dev/shm"})  # noqa: S108 - paths in the image
"""World-writable folders. Their sticky bit protects the files of other users."""
HOMES = ("/home/nonroot",)
STICKY = 0o1000
LEFTOVERS = {
    "a test": re.compile(r"/app/(.+/)?tests?/.+|/app/system/(.+/)?(test_[^/]+|[^/]+_test|conftest)\.py"),
    "a cache": re.compile(
        r"/.*/(\.cache|\.(pytest|mypy|ruff)_cache|\.hypothesis)(/.*)?|/var/cache/apt/(.+\.bin|archives/.+\.deb)|/var/lib/apt/lists/.+_.+"
    ),
    "a repository file": re.compile(
        r"/.*/(\.git|\.hg|\.svn|\.github|\.venv|node_modules)(/.*)?|/(app/)?([^/]*Dockerfile|\.dockerignore|\.gitignore)"
    ),
    "a temporary file": re.compile(r"(/tmp|/var/tmp)/.+"),
    "a list of pins": re.compile(r"/app/(.+/)?[^/]*requirements[^/]*\.txt"),
}
LISTED = 40
"""Maximum number of paths in a list for the record, which states how many more there are."""


def programs(image: Image) -> Iterator[Entry]:
    """Yield what can be executed by name: executable files and links."""
    for entry in image.files.values():
        executable = entry.kind in ("symlink", "hardlink") or (entry.kind == "file" and entry.mode & 0o111)
        if executable and not entry.path.startswith("/etc/cron."):
            yield entry


def shells(image: Image) -> list[str]:
    """Return the shells."""
    return sorted(e.path for e in programs(image) if e.name in SHELLS)


def other_modules(image: Image, source: Path) -> tuple[int, list[str]]:
    """Return the number of the system's modules in an image, and those among them that differ from the source, byte by byte."""
    modules = {path: entry for path, entry in image.files.items() if path.startswith(MODULES) and path.endswith(".py")}
    return len(modules), sorted(path for path, entry in modules.items() if entry.content != _content(source / path.removeprefix("/app/")))


def package_managers(image: Image) -> list[str]:
    """Return the package managers, as programs and as Python packages."""
    found = [e.path for e in programs(image) if PACKAGE_MANAGERS.fullmatch(e.name)]
    return sorted({*found, *(path for path in image.files if PYTHON_INSTALLERS.fullmatch(path))})


def setuid(image: Image) -> list[str]:
    """Return the setuid and setgid files."""
    return sorted(_describe(e) for e in image.files.values() if e.kind in ("file", "hardlink") and e.mode & 0o6000)


def with_capabilities(image: Image) -> list[str]:
    """Return the files with capabilities."""
    return sorted(e.path for e in image.files.values() if e.has_capabilities)


def writable(image: Image, uid: int) -> list[str]:
    """Return what users other than root may write: everybody, root's group, or the image's user and its group."""
    found = []
    for entry in image.files.values():
        if entry.kind not in ("file", "folder", "hardlink") or entry.path.startswith(HOMES):
            continue
        if entry.path in TEMPORARY and entry.mode & STICKY:
            continue
        everybody, group, owner = entry.mode & 0o002, entry.mode & 0o020 and entry.gid in (0, uid), entry.mode & 0o200 and entry.uid == uid
        if everybody or group or owner:
            found.append(_describe(entry))
    return sorted(found)


def unreadable(image: Image) -> list[str]:
    """Return what of the program only its owner or group may read. A platform such as OpenShift runs the image as a user of its own."""
    found = [entry for path, entry in image.files.items() if path.startswith("/app") and entry.kind in ("file", "folder", "hardlink")]
    return sorted(_describe(entry) for entry in found if not entry.mode & 0o004 or (entry.kind == "folder" and not entry.mode & 0o001))


def leftovers(image: Image) -> list[str]:
    """Return what only a build needs."""
    found = [f"{e.path}: a compiler" for e in programs(image) if COMPILERS.fullmatch(e.name)]
    for path, entry in image.files.items():
        what = next((what for what, pattern in LEFTOVERS.items() if pattern.fullmatch(path)), "")
        if what and entry.kind != "folder":
            found.append(f"{path}: {what}")
    return sorted(found)


def secrets(image: Image) -> list[str]:
    """Return what looks like a secret in the configuration or in any layer, even if a later layer deletes it."""
    found = [f"configuration: {what}" for what in in_text([*image.env, *image.history, *(f"{k}={v}" for k, v in image.labels.items())])]
    for number, layer in enumerate(image.layers, 1):
        found += [f"layer {number}: {e.path}: {', '.join(e.secrets)}" for e in layer.entries if e.secrets]
    return found


def shorten(paths: list[str]) -> list[str]:
    """Shorten a list for the record."""
    return paths if len(paths) <= LISTED else [*paths[:LISTED], f"… and {len(paths) - LISTED} more"]


def _describe(entry: Entry) -> str:
    return f"{entry.path} {entry.mode:04o} {entry.uid}:{entry.gid}"


def _content(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None
