"""List the packages of an image (Python, Debian and the interpreter), and the pins that apply to it."""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path

from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

from validation.core.errors import ProbeError
from validation.probes.images.inspection import Image

APP, SITE_PACKAGES = "/app/", "/app/packages/"
"""Where the images keep the system and its Python packages. Everything else comes from the base image."""
INTERPRETER = re.compile(r"/usr/(?:local/)?bin/python(3\.\d+)")
DPKG = "/var/lib/dpkg/status"
LIBC = re.compile(r"/(?:usr/)?lib/.+/libc\.so\.6")
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
LICENCE_MAX = 100
"""Maximum length of a licence name. Some packages state the whole text instead."""
COMMON_LICENCE = re.compile(r"/usr/share/common-licenses/([A-Za-z][\w.-]*\w)")


@dataclass(frozen=True, slots=True)
class Package:
    """One package of an image.

    Attributes:
        kind: pypi, deb or generic.
        name, version: name and version that the package states.
        licences: the licence names that it states.
        path: the file that states them.
        architecture: architecture of a Debian package.
    """

    kind: str
    name: str
    version: str
    licences: tuple[str, ...]
    path: str
    architecture: str = ""


def packages(image: Image) -> tuple[Package, ...]:
    """Return the packages of an image, sorted by kind and name."""
    found = [*_python(image), *_debian(image), *_interpreter(image)]
    return tuple(sorted(found, key=lambda p: (p.kind, p.name.lower(), p.version, p.path)))


def base_lists_packages(image: Image) -> bool:
    """Return whether the base image keeps a package list: its C library then belongs to a listed package."""
    return not any(map(LIBC.fullmatch, image.files)) or any(p.name.startswith("libc6") for p in _debian(image))


def unowned_files(image: Image) -> list[str]:
    """Return the files in `SITE_PACKAGES` that belong to no package. Byte code is ignored."""
    owned = set()
    for path, entry in image.files.items():
        if path.startswith(SITE_PACKAGES) and path.endswith(".dist-info/RECORD"):
            rows = csv.reader(entry.content.decode(errors="replace").splitlines())
            # pip --target installs programs and headers into the same folder
            owned |= {re.sub(r"^(\.\./)+", "", row[0]) for row in rows if row}
    files = (p for p, e in image.files.items() if p.startswith(SITE_PACKAGES) and e.kind != "folder" and "/__pycache__/" not in p)
    return sorted(path for path in files if path.removeprefix(SITE_PACKAGES) not in owned)


def python_version(image: Image) -> str:
    """Return the version of the image's Python interpreter, such as 3.13.

    Raises:
        ProbeError: it has no interpreter, or several.
    """
    found = {match[1] for path in image.files if (match := INTERPRETER.fullmatch(path))}
    if len(found) != 1:
        raise ProbeError(
            f"{image.name} has {len(found)} Python interpreters in /usr/bin and /usr/local/bin, expected one: {sorted(found)}.",
            "the Dockerfile has another base image",
        )
    return found.pop()


def pins(file: Path, image: Image) -> dict[NormalizedName, str]:
    """Return the versions that a requirements file pins for an image, by package name.

    Raises:
        ProbeError: the file cannot be read, or a line is not a pin.
    """
    python = python_version(image)
    environment = {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": MACHINES.get(image.architecture, image.architecture),
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }
    try:
        lines = [line.rstrip("\\ \n") for line in file.read_text(encoding="utf-8").splitlines() if re.match(r"[A-Za-z0-9]", line)]
        requirements = [Requirement(line) for line in lines]
        return {canonicalize_name(r.name): _pinned(r) for r in requirements if r.marker is None or r.marker.evaluate(environment)}
    except (OSError, InvalidRequirement, ValueError) as error:
        raise ProbeError(f"Cannot read {file.name} as a list of pins: {error}.", next_command="make lock") from error


def _pinned(requirement: Requirement) -> str:
    (only,) = requirement.specifier
    if only.operator != "==":
        raise ValueError(f"{requirement} does not pin a version")
    return only.version


def _python(image: Image) -> Iterable[Package]:
    for path, entry in image.files.items():
        if path.endswith((".dist-info/METADATA", ".egg-info/PKG-INFO")):
            metadata, _ = parse_email(entry.content)
            yield Package("pypi", metadata.get("name", ""), metadata.get("version", ""), _licences(metadata), path)


def _licences(metadata: RawMetadata) -> tuple[str, ...]:
    expression = metadata.get("license_expression", "")
    name = metadata.get("license", "").strip()
    if expression or (0 < len(name) <= LICENCE_MAX and "\n" not in name and name != "UNKNOWN"):
        return (expression or name,)
    return tuple(c.rpartition(" :: ")[2] for c in metadata.get("classifiers", []) if c.startswith("License :: ") and c.count(" :: ") > 1)


def _debian(image: Image) -> Iterable[Package]:
    for path, entry in image.files.items():
        if path == DPKG or (path.startswith(f"{DPKG}.d/") and not path.endswith(".md5sums")):
            for paragraph in re.split(r"\n\s*\n", entry.content.decode(errors="replace")):
                fields = HeaderParser().parsestr(paragraph.strip("\n"))
                name = fields["Package"]
                if name and fields.get("Status", "install ok installed").endswith(" installed"):
                    yield Package("deb", name, fields.get("Version", ""), _copyright(image, name), path, fields.get("Architecture", ""))


def _copyright(image: Image, name: str) -> tuple[str, ...]:
    entry = image.files.get(f"/usr/share/doc/{name}/copyright")
    text = entry.content.decode(errors="replace") if entry else ""
    named = re.findall(r"^License: *(\S.*?) *$", text, re.MULTILINE) if text.startswith("Format:") else COMMON_LICENCE.findall(text)
    return tuple(dict.fromkeys(licence[:LICENCE_MAX] for licence in named))


def _interpreter(image: Image) -> Iterable[Package]:
    """Yield the interpreter if it belongs to no package. The official Python images build it from source."""
    version = next((v.partition("=")[2] for v in image.env if v.startswith("PYTHON_VERSION=")), "")
    if version:
        yield Package("generic", "python", version, ("PSF-2.0",), "the variable PYTHON_VERSION")
