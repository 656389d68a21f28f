"""Read facts that several layers state, from each place that states them. The table is `validation/registry/facts.toml`."""

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
_PARSING = ("pattern", "lower")
"""Keys of a place that say how to read it, not where it is."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What one place states.

    Attributes:
        location: the place, for the report.
        values: the stated values, sorted; several for a list, or if the place contradicts itself.
        problem: why it cannot be read, or empty.
        pattern: the pattern that was searched for, or empty.
    """

    location: str
    values: tuple[str, ...]
    problem: str = ""
    pattern: str = ""


@cache
def facts(table: Path = FACTS) -> dict[str, dict[str, Any]]:
    """Return the rows of the table by name of the fact. The first place of a fact is its home: the others must match it.

    Raises:
        HarnessError: two facts have the same name, so one would not be compared; or a fact has fewer than two different places.
    """
    rows = tomllib.loads(table.read_text(encoding="utf-8"))["fact"]
    names = [row["name"] for row in rows]
    for row in rows:
        if names.count(row["name"]) > 1:
            raise HarnessError(f'Two facts have the name "{row["name"]}".', "a merge duplicated it", f"edit {table}")
        if len({str(place) for place in row["places"]}) < max(2, len(row["places"])):
            raise HarnessError(
                f'The fact "{row["name"]}" does not have two different places.', next_command=f"name in {table} where else it is stated"
            )
    return {row["name"]: row for row in rows}


def read(source: Path, place: dict[str, Any]) -> Statement:
    """Read one place of a fact.

    Args:
        source: root of the project, or of a copy.
        place: a place of the table.
    """
    where = " ".join(part if isinstance(part, str) else ", ".join(part) for kind, part in place.items() if kind not in _PARSING)
    pattern = str(place.get("pattern", ""))
    try:
        found = _read(source, place)
    except FileNotFoundError:
        return Statement(where, (), "the file does not exist", pattern)
    except (OSError, ValueError, LookupError, AttributeError, RenderFailed, yaml.YAMLError, ProbeError) as error:
        return Statement(where, (), f"cannot be read: {type(error).__name__}: {error}", pattern)
    values = tuple(sorted({_text(one).lower() if place.get("lower") else _text(one) for one in found}))
    return Statement(where, values, "" if values else "states no value", pattern)


def _read(source: Path, place: dict[str, Any]) -> tuple[Any, ...]:  # noqa: C901, PLR0911 - one return for each kind of place
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
        case {"file": file, "maximum": name}:
            return (_maximum(tree(source / file), *name.split(".")),)
        case {"file": file, "constants": names}:
            module = tree(source / file)
            return tuple(one for name in names for one in _several(value(assignments(module)[name], module, source)))
        case {"file": file, "path": path}:
            text = (source / file).read_text(encoding="utf-8")
            return tuple(pick(tomllib.loads(text) if file.endswith(".toml") else _loaded(text), path.split("/")))
    raise ProbeError("the place has no known combination of keys")


def pick(data: Any, steps: list[str]) -> list[Any]:
    """Follow a path through nested mappings and lists. Steps: `*` for every child, an index, or `name=x` for children of this name."""
    if not steps:
        return list(data) if isinstance(data, list) else [data]
    head, rest = steps[0].replace("~1", "/"), steps[1:]
    if head == "*":
        children = list(data.values()) if isinstance(data, dict) else data if isinstance(data, list) else []
    else:
        children = [data[head]] if isinstance(data, dict) and head in data else _items(data, head)
    return [found for child in children for found in pick(child, rest)]


def _items(data: Any, step: str) -> list[Any]:
    if isinstance(data, list) and step.startswith("name="):
        return [one for one in data if isinstance(one, dict) and one.get("name") == step.removeprefix("name=")]
    return [data[int(step)]] if isinstance(data, list) and step.isdigit() and int(step) < len(data) else []


def _several(found: Any) -> tuple[Any, ...]:
    return tuple(found) if isinstance(found, tuple | list | dict | frozenset) else (found,)


@cache
def _loaded(text: str) -> Any:
    """Load YAML. Cached, since many places are in the same file."""
    return yaml.load(text, yaml.CSafeLoader)


def _text(found: Any) -> str:
    return str(int(found)) if isinstance(found, float) and found.is_integer() else str(found)


def _groups(pattern: str, text: str) -> Iterable[str]:
    """Return each group of each match, or the whole match if the pattern has no group."""
    return (part for match in re.finditer(pattern, text, re.MULTILINE) for part in match.groups() or (match[0],) if part is not None)


def _parts(pattern: str, text: str) -> list[str]:
    found = [*_groups(pattern, text)]
    if not found:
        raise ProbeError(f'"{text}" does not match the pattern')
    return found


def _maximum(module: ast.Module, owner: str, name: str) -> Any:
    for field in fields(module):
        if (field.owner, field.name) == (owner, name):
            for node in ast.walk(field.annotation):
                if isinstance(node, ast.keyword) and node.arg in {"le", "max_length"}:
                    return ast.literal_eval(node.value)
    raise ProbeError(f"{owner} has no field {name} with a limit")


def _default(source: Path, module: Any, owner: str, name: str) -> Any:
    for field in fields(module):
        if (field.owner, field.name) == (owner, name) and field.default is not None:
            return value(field.default, module, source)
    raise ProbeError(f"{owner} has no field {name} with a default")


@cache
def _rendered(source: Path) -> dict[str, Any]:
    """Render the chart with its default values. Return the objects by kind and name, such as `Deployment voting-api`."""
    return {f"{one.kind} {one.name}": one.body for one in render(source / "chart")}
