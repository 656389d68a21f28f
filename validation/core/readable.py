"""Values as text for people. `repr` shows quotes, brackets and class names of Python, which no reader of a report knows."""

import dataclasses
import json
from collections.abc import Collection, Mapping
from enum import Enum
from typing import Any

NONE = "none"
SPECIAL = frozenset(', :;=(){}[]"')
"""Characters at which a text in a list is put in quotes, so that its ends are seen."""


def readable(value: Any) -> str:
    """Return a value as text: `none`, `yes`, `201`, `cats, dogs`, `pending 0, lag 2`."""
    return _written(value, inside=False)


def with_kind(value: Any) -> str:
    """Return a value as text with what kind of value it is, for two that read alike: `1 (number)`, `1 (text)`."""
    return f"{readable(value)} ({_kind(value)})"


def _written(value: Any, *, inside: bool) -> str:  # noqa: C901, PLR0911 - one return for each kind
    match value:
        case None:
            return NONE
        case bool():
            return "yes" if value else "no"
        case Enum():
            return str(value.value)
        case str():
            return json.dumps(value, ensure_ascii=False) if inside and (not value or SPECIAL.intersection(value)) else value
        case bytes() | bytearray():
            return _written(bytes(value).decode("utf-8", "backslashreplace"), inside=inside) or "no bytes"
        case Mapping():
            return _joined([f"{_written(k, inside=True)}: {_written(v, inside=True)}" for k, v in value.items()], inside=inside)
        case tuple() if names := getattr(value, "_fields", ()):
            return _fields(dict(zip(names, value, strict=True)), inside=inside)
        case set() | frozenset():
            return _joined(sorted(_written(one, inside=True) for one in value), inside=inside)
        case Collection():
            return _joined([_written(one, inside=True) for one in value], inside=inside)
    if dataclasses.is_dataclass(value) and type(value).__str__ is object.__str__:
        return _fields({one.name: getattr(value, one.name) for one in dataclasses.fields(value) if one.repr}, inside=inside)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _fields(of: Mapping[str, Any], *, inside: bool) -> str:
    return _joined([f"{name.replace('_', ' ')} {_written(one, inside=True)}" for name, one in of.items()], inside=inside)


def _joined(parts: Collection[str], *, inside: bool) -> str:
    joined = ", ".join(parts) or NONE
    return f"({joined})" if inside and len(parts) != 1 else joined


def _kind(value: Any) -> str:
    kinds = ((bool, "yes or no"), (str, "text"), ((int, float), "number"), (bytes, "bytes"), (type(None), "nothing"))
    return next((word for kind, word in kinds if isinstance(value, kind)), type(value).__name__)
