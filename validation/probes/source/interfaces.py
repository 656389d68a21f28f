"""What a source offers to others and states in its files: by item, with what is said of it. See `validation.registry.releases`."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from validation.core.errors import ProbeError
from validation.probes.source import documents, markdown
from validation.probes.source.constants import fields, tree
from validation.registry.releases import OWN_VERSION

PROGRAMS = "docs/reference/programs.md"
PARTS = {"API": ("Settings", "ApiSettings"), "consumer": ("Settings", "ConsumerSettings")}
CODE = re.compile(r"`([^`]+)`")
KINDS = {bool: "switch", int: "number", float: "number", str: "text", list: "list", dict: "mapping", type(None): "any value"}


def variables(source: Path) -> dict[str, str]:
    """Return the environment variables of API and consumer, each `required` or `optional`."""
    found = fields(tree(source / "system" / "settings.py"))
    return {
        f"{one.name.upper()} of the {part}": "optional" if one.default else "required"
        for part, owners in PARTS.items()
        for one in found
        if one.owner in owners
    }


def log_events(source: Path) -> dict[str, str]:
    """Return the documented log events with their levels, and their fields."""
    found = dict[str, str]()
    for section, text in markdown.sections(documents.text(source, PROGRAMS), 2):
        if part := section.removeprefix("Events of the ").strip() if section.startswith("Events of the ") else "":
            for row in markdown.table_rows(text):
                event, level, named = f"{_code(row[0])[0]} of the {part}", row[1], _code(row[2])
                found |= {event: level} | {f"{event}, field {name}": "" for name in named}
    return found


def exit_codes(source: Path) -> dict[str, str]:
    """Return the documented exit codes of the programs of the system."""
    sections = dict(markdown.sections(documents.text(source, PROGRAMS), 2))
    rows = markdown.table_rows(sections.get("Exit codes", ""))
    return {f"{_code(row[0])[0]}, exit code {code.strip()}": "" for row in rows for code in row[1].split(",")}


def chart_values(source: Path) -> dict[str, str]:
    """Return the path of each default value of the chart, with the kind of the value, and the values that its schema requires."""
    chart = source / "chart"
    try:
        found = dict(_leaves(yaml.safe_load((chart / "values.yaml").read_text(encoding="utf-8"))))
        schema = json.loads((chart / "values.schema.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ProbeError(f"The chart's values cannot be read: {error}") from error
    defaults = {path[:end] for path in found for end in range(len(path) + 1) if path[end : end + 1] in {"", "."}}
    return found | {path: "required" for path, need in _properties(schema, "required", "") if need and path not in defaults}


def results_fields(source: Path) -> dict[str, str]:
    """Return the fields of `results.json`, each there `always` or `sometimes`."""
    try:
        schema = json.loads((source / "validation" / "report" / "results.schema.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ProbeError(f"The schema of results.json cannot be read: {error}") from error
    own = str(schema.get("properties", {}).get("schema_version", {}).get("const", 0))
    return {OWN_VERSION: own} | {path: need or "sometimes" for path, need in _properties(schema, "always", "")}


def http(described: Mapping[str, str]) -> dict[str, str]:
    """Return the parts of an OpenAPI description. A field of a response is there `always` or `sometimes`, and required of nobody.

    Args:
        described: each part, with what is said about it; a field of a model begins with `required` or `optional`.
    """
    sent = " ".join(said for item, said in described.items() if ", body " in item)
    words = {"required": "always", "optional": "sometimes"}
    found = dict(described)
    for item, said in described.items():
        model, _, part = item.partition(", field ")
        if part and " " not in model and f'schemas/{model}"' not in sent:
            word, _, rest = said.partition(",")
            found[item] = f"{words[word]},{rest}"
    return found


def metrics(served: Mapping[str, str]) -> dict[str, str]:
    """Return the metrics that parts serve, with their types, and the labels of their samples.

    Args:
        served: the text in the format of Prometheus, by part.
    """
    found = dict[str, str]()
    for part, page in served.items():
        for line in page.splitlines():
            if described := re.fullmatch(r"# TYPE (\w+) (\w+)", line):
                found[f"{described[1]} of the {part}"] = described[2]
            elif sample := re.match(r"(\w+)\{(.+)\} ", line):
                found |= {f"{sample[1]} of the {part}, label {label}": "" for label in re.findall(r'(\w+)="', sample[2])}
    return {item: said for item, said in found.items() if "_created" not in item}


def _code(cell: str) -> list[str]:
    return CODE.findall(cell)


def _leaves(values: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(values, dict) and values:
        for name, inner in values.items():
            yield from _leaves(inner, f"{path}.{name}" if path else str(name))
    else:
        yield path, KINDS[type(values)]


def _properties(schema: Any, word: str, path: str) -> Iterator[tuple[str, str]]:
    """Yield the path of each property of a JSON schema, with the word if the schema requires it."""
    if not isinstance(schema, dict):
        return
    for name, inner in schema.get("properties", {}).items():
        yield f"{path}{name}", word if name in schema.get("required", ()) else ""
        yield from _properties(inner, word, f"{path}{name}.")
    yield from _properties(schema.get("items"), word, f"{path}[].")
    for name, inner in schema.get("$defs", {}).items():
        yield from _properties(inner, word, f"{path}{name}: ")
