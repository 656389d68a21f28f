"""The releases, read from `releases/releases.toml`, and what each of them offered to others, recorded when it was made."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import msgspec

from validation.core.errors import HarnessError

FOLDER = Path(__file__).with_name("releases")
TABLE = "releases.toml"
HARMLESS = frozenset({("required", "optional"), ("sometimes", "always")})
"""Changes of a word about an item that break nobody: a client may omit more, or relies on less than there is."""
NOTHING = "{}"
"""What a description says of a part that it leaves open."""
OWN_VERSION = "its own version"
"""The item of an interface that counts its incompatible changes itself."""

Items = Mapping[str, str]
"""Item of an interface → what is said of it. An input is `required` or `optional`, a part of an output is there `always` or `sometimes`."""


@dataclass(frozen=True, slots=True)
class Release:
    """One release.

    Attributes:
        version: of project and chart.
        commit: the full id of its commit.
        trees: the git object id of each folder that was released, by its name.
    """

    version: str
    commit: str
    trees: dict[str, str] = field(default_factory=dict)

    @property
    def major(self) -> int:
        """The first number of its version."""
        return major_of(self.version)


@cache
def releases(folder: Path = FOLDER) -> tuple[Release, ...]:
    """Return all releases, the latest one last."""
    return tuple(Release(**row) for row in tomllib.loads((folder / TABLE).read_text(encoding="utf-8"))["release"])


def file_of(interface: str) -> str:
    """Return the name of the file that records an interface, in a run's folder and among the releases."""
    return f"interface-{re.sub(r'[^a-z]+', '-', interface.lower())}.json"


def offered(version: str, interface: str, folder: Path = FOLDER) -> Items:
    """Return what a release offered at an interface; nothing if it did not have it.

    Raises:
        HarnessError: nothing at all is recorded of the release, or it cannot be read.
    """
    try:
        recorded = {file.name: file for file in (folder / version).iterdir()}
        file = recorded.get(file_of(interface))
        return msgspec.json.decode(file.read_bytes(), type=dict[str, str]) if file else {}
    except (OSError, msgspec.DecodeError) as error:
        raise HarnessError(f"What release {version} offered cannot be read: {error}", next_command=f"git checkout {folder}") from error


def breaks(before: Items, now: Items) -> list[str]:
    """Return what breaks those who rely on an interface, one line each: what is gone, what has changed, and what has become required."""
    gone = [f"gone: {item}" for item in before if item not in now]
    changed = [f"{item}: was {said or 'there'}, is {now[item] or 'there'}" for item, said in before.items()
               if now.get(item, said) != said and not _is_harmless(said, now[item])]  # fmt: skip
    new = [item for item, said in now.items() if item not in before and said.partition(",")[0] == "required"]
    whole = [item.rpartition(", ")[0] for item in new]
    return (
        gone + changed + [f"newly required: {item}" for item, part_of in zip(new, whole, strict=True) if not part_of or part_of in before]
    )


def may_break(release: Release, version: str, before: Items, now: Items) -> bool:
    """Return whether an interface may change so that others break: with the major version, or with a version of its own."""
    own, was = now.get(OWN_VERSION), before.get(OWN_VERSION)
    return major_of(version) > release.major or (own is not None and was is not None and int(own) > int(was))


def major_of(version: str) -> int:
    """Return the first number of a version."""
    return int(version.partition(".")[0])


def _is_harmless(before: str, now: str) -> bool:
    (was, _, told), (word, _, tells) = before.partition(","), now.partition(",")
    return before == NOTHING or ((was, word) in HARMLESS and told == tells)
