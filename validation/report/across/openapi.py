"""What changed between two OpenAPI descriptions: operations, parameters, fields and status codes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from validation.report.text import one_line

FILE = "openapi.json"
"""What a run keeps of the description, in its folder."""
LINE_MAX = 200


def changes(before: Path, after: Path) -> list[str] | None:
    """Return what was removed, added or changed, one line each; None if a run holds no description.

    Args:
        before: the folder of the earlier run.
        after: the folder of the later one.

    Raises:
        ValueError: one of them is not an OpenAPI description.
        OSError: one of them cannot be read.
    """
    if not all((folder / FILE).is_file() for folder in (before, after)):
        return None
    old, new = (parts((folder / FILE).read_bytes()) for folder in (before, after))
    found = [f"removed: {name}" for name in old if name not in new] + [f"added: {name}" for name in new if name not in old]
    found += [f"{name}: {old[name]} → {new[name]}" for name in old if name in new and old[name] != new[name]]
    return [one_line(line, LINE_MAX) for line in found]


def parts(document: bytes) -> dict[str, str]:
    """Return each part of a description with what is said about it, apart from texts for people.

    Raises:
        ValueError: it is not an OpenAPI description.
    """
    try:
        return dict(_operations(json.loads(document)))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{FILE} is not an OpenAPI description: {error!r}") from error


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each part of a description with what is said about it, apart from texts for people."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            name = f"{method.upper()} {path}"
            yield name, ""
            for one in operation.get("parameters", ()):
                need = "required" if one.get("required") else "optional"
                yield f"{name}, {one['in']} parameter {one['name']}", f"{need}, {_short(one.get('schema'))}"
            for kind, content in operation.get("requestBody", {}).get("content", {}).items():
                yield from _fields(f"{name}, body {kind}", content.get("schema", {}))
            for status, response in operation["responses"].items():
                kinds = {kind: content.get("schema") for kind, content in response.get("content", {}).items()}
                yield f"{name}, status {status}", _short(kinds)
                yield from ((f"{name}, status {status}, header {header}", "") for header in response.get("headers", {}))
    for model, schema in document.get("components", {}).get("schemas", {}).items():
        yield from _fields(model, schema)


def _fields(name: str, schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield name, _short({key: value for key, value in schema.items() if key not in {"properties", "required"}})
    for field, described in schema.get("properties", {}).items():
        need = "required" if field in schema.get("required", ()) else "optional"
        yield f"{name}, field {field}", f"{need}, {_short(described)}"


def _short(schema: Any) -> str:
    return json.dumps(_without_texts(schema), sort_keys=True)


def _without_texts(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: _without_texts(value) for key, value in schema.items() if key not in {"title", "description", "example", "examples"}}
    return [_without_texts(one) for one in schema] if isinstance(schema, list) else schema
