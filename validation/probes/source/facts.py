"""Facts that several layers state: read from each place that states them. The table is `validation/registry/facts.toml`."""

import ast
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from validation.core import protocol
from validation.core.errors import HarnessError, ProbeError
from validation.core.settings import PROJECT
from validation.probes.chart.manifests import RenderFailed, render
from validation.probes.source.constants import assignments, fields, tree, value

FACTS = PROJECT / "validation/registry/facts.toml"
_HOW = ("pattern", "lower")
"""Parts of a place that say how it is read, and not where it is."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What one place says.

    Attributes:
        location: the place, for people.
        values: what it says, sorted; more than one where it is a list, or where the place contradicts itself.
        problem: why it could not be read, or empty.
        pattern: the pattern that was looked for, or empty.
    """

    location: str
    values: tuple[str, ...]
    problem: str = ""
    pattern: str = ""


@cache
def facts(table: Path = FACTS) -> dict[str, dict[str, Any]]:
    """The table: for each fact its places, the first of which is its home, and whether others may say more.

    Raises:
        HarnessError: a name is there twice, so one of the two would never be judged; or a fact has fewer than two places, so nothing
            is compared.
    """
    rows = tomllib.loads(table.read_text(encoding="utf-8"))["fact"]
    names = [row["name"] for row in rows]
    for row in rows:
        if names.count(row["name"]) > 1:
            raise HarnessError(f"The fact «{row['name']}» is there twice.", "facts.toml was edited by two")
        if len({str(place) for place in row["places"]}) < max(2, len(row["places"])):
            raise HarnessError(f"The fact «{row['name']}» does not have two different places.", "facts.toml: name where else it is stated")
    return {row["name"]: row for row in rows}


def read(source: Path, place: dict[str, Any]) -> Statement:
    """Read one place of a fact.

    Args:
        source: the judged folder.
        place: an entry of the table.
    """
    where = " ".join(part if isinstance(part, str) else ", ".join(part) for kind, part in place.items() if kind not in _HOW)
    how = str(place.get("pattern", ""))
    try:
        found = _read(source, place)
    except FileNotFoundError:
        return Statement(where, (), "there is no such file", how)
    except (OSError, ValueError, LookupError, AttributeError, RenderFailed, yaml.YAMLError, ProbeError) as error:
        return Statement(where, (), f"it cannot be read: {type(error).__name__}: {error}", how)
    values = tuple(sorted({_text(one).lower() if place.get("lower") else _text(one) for one in found}))
    return Statement(where, values, "" if values else "it says nothing of it", how)


def _read(source: Path, place: dict[str, Any]) -> tuple[Any, ...]:  # noqa: C901, PLR0911 - one return a kind of place
    match place:
        case {"path": _, "pattern": pattern}:
            whole = _read(source, {kind: part for kind, part in place.items() if kind != "pattern"})
            return tuple(part for one in whole for part in _parts(pattern, str(one)))
        case {"protocol": name, "path": path}:
            return tuple(pick(getattr(protocol, name), path.split("/")))
        case {"protocol": name}:
            return _several(getattr(protocol, name))
        case {"rendered": which, "path": path}:
            return tuple(pick(_rendered(source)[which], path.split("/")))
        case {"file": file, "pattern": pattern}:
            return tuple(_groups(pattern, (source / file).read_text(encoding="utf-8")))
        case {"file": file, "fields": owners}:
            return tuple(f.name.upper() for f in fields(tree(source / file)) if f.owner in owners)
        case {"file": file, "default": name}:
            return _several(_default(source, tree(source / file), *name.split(".")))
        case {"file": file, "most": name}:
            return (_most(tree(source / file), *name.split(".")),)
        case {"file": file, "constants": names}:
            module = tree(source / file)
            return tuple(one for name in names for one in _several(value(assignments(module)[name], module, source)))
        case {"file": file, "path": path}:
            text = (source / file).read_text(encoding="utf-8")
            return tuple(pick(tomllib.loads(text) if file.endswith(".toml") else _loaded(text), path.split("/")))
    raise ProbeError("the table does not say how to read this place")


def pick(data: Any, steps: list[str]) -> list[Any]:
    """Follow a path through nested mappings and lists: `*` takes every child, a number the one there, `name=x` those of that name."""
    if not steps:
        return list(data) if isinstance(data, list) else [data]
    head, rest = steps[0].replace("~1", "/"), steps[1:]
    if head == "*":
        children = list(data.values()) if isinstance(data, dict) else data if isinstance(data, list) else []
    else:
        children = [data[head]] if isinstance(data, dict) and head in data else _nth(data, head)
    return [found for child in children for found in pick(child, rest)]


def _nth(data: Any, place: str) -> list[Any]:
    if isinstance(data, list) and place.startswith("name="):
        return [one for one in data if isinstance(one, dict) and one.get("name") == place.removeprefix("name=")]
    return [data[int(place)]] if isinstance(data, list) and place.isdigit() and int(place) < len(data) else []


def _several(found: Any) -> tuple[Any, ...]:
    return tuple(found) if isinstance(found, tuple | list | dict | frozenset) else (found,)


@cache
def _loaded(text: str) -> Any:
    """Load YAML; many places are in the same file."""
    return yaml.load(text, yaml.CSafeLoader)


def _text(found: Any) -> str:
    return str(int(found)) if isinstance(found, float) and found.is_integer() else str(found)


def _groups(pattern: str, text: str) -> Iterable[str]:
    """Give what each group of each match holds, or the whole match where the pattern has no group."""
    return (part for match in re.finditer(pattern, text, re.MULTILINE) for part in match.groups() or (match[0],) if part is not None)


def _parts(pattern: str, text: str) -> list[str]:
    found = [*_groups(pattern, text)]
    if not found:
        raise ProbeError(f"«{text}» is not as the table says")
    return found


def _most(module: ast.Module, owner: str, name: str) -> Any:
    for field in fields(module):
        if (field.owner, field.name) == (owner, name):
            for node in ast.walk(field.annotation):
                if isinstance(node, ast.keyword) and node.arg in {"le", "max_length"}:
                    return ast.literal_eval(node.value)
    raise ProbeError(f"{owner} has no {name} with a limit")


def _default(source: Path, module: Any, owner: str, name: str) -> Any:
    for field in fields(module):
        if (field.owner, field.name) == (owner, name) and field.default is not None:
            return value(field.default, module, source)
    raise ProbeError(f"{owner} has no {name} with a default")


@cache
def _rendered(source: Path) -> dict[str, Any]:
    """Render the chart with the values it ships; objects by kind and name, `Deployment voting-api`."""
    return {f"{one.kind} {one.name}": one.body for one in render(source / "chart")}
