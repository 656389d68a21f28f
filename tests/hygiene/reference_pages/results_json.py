"""docs/reference/results-json.md: every field of results.json, from its JSON schema."""

import json
from collections.abc import Iterator
from typing import Any

from tests.hygiene.reference_pages import MADE, row
from validation.core.settings import PROJECT

SCHEMA = "validation/report/results.schema.json"
INTRO = """# results.json

Every run writes `reports/RUN/results.json`, a published interface for other programs. `votecheck run --json` prints it.
[The schema](../../{schema}) is JSON Schema 2020-12. Objects have no fields beyond those listed here.

```sh
.venv/bin/votecheck run --checkpoint 5.1 --json
```

`schema_version` is {version}. It is incremented when a field is removed, renamed or changes its meaning.
"""


def page() -> str:
    """Return the page."""
    schema = json.loads((PROJECT / SCHEMA).read_text(encoding="utf-8"))
    version = schema["properties"]["schema_version"]["const"]
    text = MADE.format(SCHEMA) + INTRO.format(schema=SCHEMA, version=version)
    text += "\n## The run\n\n" + _table(schema)
    for name, definition in schema["$defs"].items():
        if "properties" in definition:
            description = f"{definition['description']}\n\n" if "description" in definition else ""
            text += f"\n## A {name}\n\n{description}" + _table(definition)
    return text


def _table(schema: dict[str, Any]) -> str:
    return row("field", "type", "meaning") + "|---|---|---|\n" + "".join(_rows(schema, ""))


def _rows(schema: dict[str, Any], prefix: str) -> Iterator[str]:
    for name, field in schema["properties"].items():
        yield row(f"`{prefix}{name}`", _type(field), field.get("description", ""))
        if "properties" in field.get("items", {}):
            yield from _rows(field["items"], f"{prefix}{name}[].")


def _type(field: dict[str, Any]) -> str:  # noqa: PLR0911 - one return for each shape of a schema
    match field:
        case {"const": value}:
            return f"`{json.dumps(value)}`"
        case {"enum": values}:
            return ", ".join(f"`{json.dumps(value)}`" for value in values)
        case {"$ref": "#/$defs/texts"}:
            return "object of strings"
        case {"$ref": reference}:
            return f"[{reference.rpartition('/')[2]}](#a-{reference.rpartition('/')[2]})"
        case {"oneOf": shapes}:
            return " or ".join(_type(shape) for shape in shapes)
        case {"type": [*kinds]}:
            return " or ".join(_type({**field, "type": kind} if kind != "null" else {"type": kind}) for kind in kinds)
        case {"type": "array", "items": items}:
            return f"array of {_type(items)}"
        case {"type": kind, "minimum": least}:
            return f"{kind}, at least {least}"
        case {"type": kind, "pattern": pattern}:
            return f"{kind}, matches `{pattern}`"
    return str(field["type"])
