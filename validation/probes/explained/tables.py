"""Compare fields with an explained table, both ways.

A table is a TOML file with `[[rule]]`s: `objects`, patterns of names; `why`; `fields`, path or pattern → what is expected; and `when`, the
values of the chart under which the fields exist. In a pattern `*` matches within a step of the path, `**` any number of steps.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from validation.core.collections import every
from validation.core.errors import HarnessError

FOLDER = Path(__file__).parent
Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """Fields of some objects, and why they are as they are.

    Attributes:
        objects: patterns of the names of the objects.
        why: the reason.
        when: values that must be true, or with `!` empty or false, for the fields to exist.
        optional: whether the fields may be absent.
        fields: pattern of a path → what is expected: a literal; `{ value = KEY }`, that value of the chart; `{ like = REGEX }`; or
            `{ by = CHECKPOINT }`, which compares it.
    """

    objects: tuple[str, ...]
    why: str
    when: tuple[str, ...]
    optional: bool
    fields: Mapping[str, Any]

    def applies(self, name: str, values: Mapping[str, Any]) -> bool:
        """Return whether it explains fields of an object that was rendered with these values."""
        return any(_matches(pattern, name) for pattern in self.objects) and _in_force(self, values)


@cache
def read(file: str) -> tuple[Rule, ...]:
    """Read a table.

    Raises:
        HarnessError: a rule has no reason.
    """
    found = []
    for given in tomllib.loads((FOLDER / file).read_text(encoding="utf-8"))["rule"]:
        objects, when = given["objects"], given.get("when", [])
        rule = Rule(
            (objects,) if isinstance(objects, str) else tuple(objects),
            given.get("why", ""),
            (when,) if isinstance(when, str) else tuple(when),
            given.get("optional", False),
            given["fields"],
        )
        if not rule.why.strip():
            raise HarnessError(f"A rule of {file} about {', '.join(rule.objects)} has no reason.")
        found.append(rule)
    return tuple(found)


def flatten(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield path and value of each leaf. Items of a list are named by their name, if each has one."""
    if isinstance(value, list) and every(isinstance(item, Mapping) and isinstance(item.get("name"), str) for item in value):
        named = {item["name"]: item for item in value}
        value = named if len(named) == len(value) else value
    if isinstance(value, list) and every(isinstance(item, Mapping) for item in value):
        value = {str(index): item for index, item in enumerate(value)}
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from flatten(inner, f"{at}.{key}".lstrip("."))
    else:
        yield at, value


def differences(rules: Sequence[Rule], name: str, fields: Fields, values: Mapping[str, Any] | None = None) -> Iterator[str]:
    """Yield a sentence for each field that differs from the table, that it does not explain, or that is missing."""
    given = values or {}
    applying = [rule for rule in rules if rule.applies(name, given)]
    explained = [(pattern, expected, rule) for rule in applying for pattern, expected in rule.fields.items()]
    seen: set[int] = set()
    for path, observed in fields.items():
        index = next((index for index, (pattern, _, _) in enumerate(explained) if _matches(pattern, path)), None)
        if index is None:
            yield f"{name}: {path} is {_shown(observed)}, which nothing explains"
            continue
        seen.add(index)
        _, expected, rule = explained[index]
        if not _as_expected(expected, observed, given):
            yield f"{name}: {path} is {_shown(observed)}, not {_shown(_meant(expected, given))}: {rule.why}"
    for index, (pattern, _, rule) in enumerate(explained):
        if index not in seen and not rule.optional:
            yield f"{name}: {pattern} is missing: {rule.why}"


def unexplained(rules: Sequence[Rule], names: Iterable[str], values: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each object without a rule."""
    for name in sorted(names):
        if not any(rule.applies(name, values) for rule in rules):
            yield f"{name}: nothing explains this object"


def missing(rules: Sequence[Rule], names: Iterable[str], values: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each object that a rule names, without a pattern, and that is missing."""
    expected = {one for rule in rules if not rule.optional and _in_force(rule, values)
                for one in rule.objects if "*" not in one}  # fmt: skip
    for name in sorted(expected - set(names)):
        yield f"{name}: is missing"


def value_at(values: Mapping[str, Any], key: str) -> Any:
    """Return a value of the chart; None if there is none."""
    found: Any = values
    for step in key.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _in_force(rule: Rule, values: Mapping[str, Any]) -> bool:
    return not any(not _holds(one, values) for one in rule.when)


def _holds(condition: str, values: Mapping[str, Any]) -> bool:
    key = condition.removeprefix("!")
    return bool(value_at(values, key)) is not condition.startswith("!")


def _as_expected(expected: Any, observed: Any, values: Mapping[str, Any]) -> bool:
    match expected:
        case {"by": _}:
            return True
        case {"like": pattern}:
            return re.fullmatch(pattern, str(observed), re.DOTALL) is not None
        case {"value": _}:
            meant = _meant(expected, values)
            return bool(_text(meant) == observed if isinstance(observed, str) else meant == observed)
    return bool(type(expected) is type(observed) and expected == observed)


def _meant(expected: Any, values: Mapping[str, Any]) -> Any:
    match expected:
        case {"value": key}:
            return value_at(values, key)
        case {"like": pattern}:
            return f"text like {pattern}"
    return expected


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _shown(value: Any) -> str:
    return f"{value!r:.200}"


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    words = {"**": ".*", "*": "[^.]*"}
    return re.compile("".join(words.get(part) or re.escape(part) for part in re.split(r"(\*\*|\*)", pattern)))


def _matches(pattern: str, text: str) -> bool:
    return _pattern(pattern).fullmatch(text) is not None
