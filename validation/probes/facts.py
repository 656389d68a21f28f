"""Facts that several layers state: read from each place that states them. The table is `validation/facts.toml`."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from validation import protocol
from validation.errors import ProbeError
from validation.probes.constants import assignments, fields, tree, value
from validation.probes.manifests import RenderFailed, render

FACTS = Path(__file__).parent.parent / "facts.toml"


@dataclass(frozen=True, slots=True)
class Said:
    """What one place says.

    Attributes:
        where: the place, for people.
        values: what it says, sorted; more than one where it is a list, or where the place contradicts itself.
        problem: why it could not be read, or empty.
        how: the pattern that was looked for, or empty.
    """

    where: str
    values: tuple[str, ...]
    problem: str = ""
    how: str = ""


@cache
def facts() -> dict[str, dict[str, Any]]:
    """The table: for each fact its places, the first of which is its home, and whether others may say more."""
    return {fact["name"]: fact for fact in tomllib.loads(FACTS.read_text(encoding="utf-8"))["fact"]}


def read(source: Path, place: dict[str, Any]) -> Said:
    """Read one place of a fact.

    Args:
        source: the judged folder.
        place: an entry of the table.
    """
    where = " ".join(part if isinstance(part, str) else ", ".join(part) for kind, part in place.items() if kind != "pattern")
    how = str(place.get("pattern", ""))
    try:
        found = _read(source, place)
    except FileNotFoundError:
        return Said(where, (), "there is no such file", how)
    except (OSError, ValueError, LookupError, AttributeError, RenderFailed, yaml.YAMLError, ProbeError) as error:
        return Said(where, (), f"it cannot be read: {type(error).__name__}: {error}", how)
    values = tuple(sorted({str(one) for one in found}))
    return Said(where, values, "" if values else "it says nothing of it", how)


def _read(source: Path, place: dict[str, Any]) -> tuple[Any, ...]:  # noqa: PLR0911 - one return a kind of place
    match place:
        case {"protocol": name, "path": path}:
            return tuple(pick(getattr(protocol, name), path.split("/")))
        case {"protocol": name}:
            return _several(getattr(protocol, name))
        case {"rendered": which, "path": path}:
            return tuple(pick(_rendered(source)[which], path.split("/")))
        case {"file": file, "pattern": pattern}:
            return tuple(re.findall(pattern, (source / file).read_text(encoding="utf-8"), re.MULTILINE))
        case {"file": file, "fields": owners}:
            return tuple(f.name.upper() for f in fields(tree(source / file)) if f.owner in owners)
        case {"file": file, "default": name}:
            return _several(_default(source, tree(source / file), *name.split(".")))
        case {"file": file, "constants": names}:
            module = tree(source / file)
            return tuple(one for name in names for one in _several(value(assignments(module)[name], module, source)))
        case {"file": file, "path": path}:
            text = (source / file).read_text(encoding="utf-8")
            return tuple(pick(tomllib.loads(text) if file.endswith(".toml") else yaml.safe_load(text), path.split("/")))
    raise ProbeError("the table does not say how to read this place")


def pick(data: Any, steps: list[str]) -> list[Any]:
    """Follow a path through nested mappings and lists; `*` takes every child, a number the one at that place."""
    if not steps:
        return list(data) if isinstance(data, list) else [data]
    head, rest = steps[0].replace("~1", "/"), steps[1:]
    if head == "*":
        children = list(data.values()) if isinstance(data, dict) else data if isinstance(data, list) else []
    else:
        children = [data[head]] if isinstance(data, dict) and head in data else _nth(data, head)
    return [found for child in children for found in pick(child, rest)]


def _nth(data: Any, place: str) -> list[Any]:
    return [data[int(place)]] if isinstance(data, list) and place.isdigit() and int(place) < len(data) else []


def _several(found: Any) -> tuple[Any, ...]:
    return tuple(found) if isinstance(found, tuple | list | dict | frozenset) else (found,)


def _default(source: Path, module: Any, owner: str, name: str) -> Any:
    for field in fields(module):
        if (field.owner, field.name) == (owner, name) and field.default is not None:
            return value(field.default, module, source)
    raise ProbeError(f"{owner} has no {name} with a default")


@cache
def _rendered(source: Path) -> dict[str, Any]:
    """Render the chart with the values it ships; objects by kind and name, `Deployment voting-api`."""
    return {f"{one.kind} {one.name}": one.body for one in render(source / "chart")}
