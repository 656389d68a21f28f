"""Compare every field of `compose.yaml` with its explained table."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from validation.core.errors import ProbeError
from validation.probes.explained import tables

TABLE, FILE = "compose.toml", "compose.yaml"
KINDS = {"services": "service", "networks": "network", "volumes": "volume"}


VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")
"""A variable of the environment, and the text that stands for one that is unset or empty."""
PASSWORDS = {"REDISCLI_AUTH": "REDIS_PASSWORD", "REDIS_URL": "REDIS_PASSWORD", "POSTGRES_PASSWORD": "POSTGRES_PASSWORD",
             "DATABASE_URL": "POSTGRES_PASSWORD"}  # fmt: skip
"""The variables of containers that hold a password, and the variable of the environment that it comes from."""


def passwords(file: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return each password in the environment of a service, by its place, with the variable that it has to come from."""
    found = {}
    for name, service in file["services"].items():
        for variable, value in (service.get("environment") or {}).items():
            if variable in PASSWORDS:
                password = urlsplit(value).password or "" if variable.endswith("_URL") else value
                found[f"{variable} of {name}"] = (PASSWORDS[variable], password)
    return found


def read(source: Path, variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the parsed file, with its anchors resolved.

    Args:
        source: the folder of the file.
        variables: the environment; None leaves each reference to a variable as it is.

    Raises:
        ProbeError: it is missing, or not YAML.
    """
    try:
        text = (source / FILE).read_text(encoding="utf-8")
        if variables is not None:
            text = VARIABLE.sub(lambda one: variables.get(one[1]) or one[2], text)
        found: dict[str, Any] = yaml.safe_load(text)
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
