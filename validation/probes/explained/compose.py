"""Compare every field of `compose.yaml` with its explained table."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from validation.core.errors import ProbeError
from validation.probes.explained import tables

TABLE, FILE = "compose.toml", "compose.yaml"
KINDS = {"services": "service", "networks": "network", "volumes": "volume"}


def read(source: Path) -> dict[str, Any]:
    """Return the parsed file, with its anchors resolved.

    Raises:
        ProbeError: it is missing, or not YAML.
    """
    try:
        found: dict[str, Any] = yaml.safe_load((source / FILE).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ProbeError(f"Cannot read {FILE}: {error}", "the source is incomplete", f"ls {source}") from error
    return found


def differences(file: Mapping[str, Any]) -> list[str]:
    """Return what differs from the table."""
    rules, objects = tables.read(TABLE), dict(_objects(file))
    found = [*tables.unexplained(rules, objects, {}), *tables.missing(rules, objects, {})]
    for name, fields in objects.items():
        found += tables.differences(rules, name, fields)
    return found


def _objects(file: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield FILE, {key: value for key, value in file.items() if key not in KINDS and not key.startswith("x-")}
    for section, kind in KINDS.items():
        for name, body in (file.get(section) or {}).items():
            yield f"{kind} {name}", dict(tables.flatten(body)) if body else {}
