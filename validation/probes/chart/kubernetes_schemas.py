"""Validate manifests against the schemas of several Kubernetes versions, offline."""

import importlib.util
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from validation.core.errors import ProbeError
from validation.probes.chart.manifests import Manifest

VERSIONS = ("1.32", "1.33", "1.34")
"""The Kubernetes versions for which manifests must be valid."""
NO_SCHEMA = "no schema"
"""Error text for a kind that the version does not know. The object was not validated."""


@dataclass(frozen=True, slots=True)
class SchemaError:
    """One error in an object.

    Attributes:
        version: the Kubernetes version.
        manifest: the object.
        path: path in the object, such as `spec.template.spec.containers.0`.
        text: what is wrong there, or `NO_SCHEMA`.
    """

    version: str
    manifest: Manifest
    path: str
    text: str


def schema_errors(manifests: Iterable[Manifest], version: str) -> tuple[SchemaError, ...]:
    """Validate manifests strictly: unknown fields and kinds without a schema are errors.

    Raises:
        ProbeError: there are no schemas of that version.
    """
    folder = _folder(version)
    if not folder.is_dir():
        available = ", ".join(sorted(one.name for one in folder.parent.iterdir()))
        raise ProbeError(f"There are no schemas of Kubernetes {version}. Available: {available}.")
    errors = []
    for manifest in manifests:
        validator = _validator(version, manifest.body["apiVersion"], manifest.kind)
        if validator is None:
            errors.append(SchemaError(version, manifest, "", NO_SCHEMA))
            continue
        errors += [
            SchemaError(version, manifest, ".".join(map(str, error.instance_path)), error.message)
            for error in validator.iter_errors(manifest.body)
        ]
    return tuple(errors)


# The package's own `validate` reads the schemas again for each object and stops at the first error.
@cache
def _validator(version: str, api_version: str, kind: str) -> jsonschema_rs.Draft202012Validator | None:
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)  # the package's file names: rbac.authorization.k8s.io/v1 is rbac-v1
    try:
        schema = _contents(version, f"{kind.lower()}-{group}.json")
    except FileNotFoundError:
        return None
    return jsonschema_rs.Draft202012Validator(schema, registry=_registry(version))


@cache
def _registry(version: str) -> jsonschema_rs.Registry:
    definitions = _contents(version, "_definitions.json")
    return jsonschema_rs.Registry([(definitions["$id"], definitions)])


def _contents(version: str, name: str) -> dict[str, Any]:
    contents: dict[str, Any] = json.loads((_folder(version) / name).read_bytes())
    return contents


def _folder(version: str) -> Path:
    # The package is located but not imported: its validator takes three seconds to import.
    package = importlib.util.find_spec("kubernetes_validate")
    if package is None or package.origin is None:
        raise ProbeError("The package kubernetes-validate is not installed.", "the environment was not created by make setup", "make setup")
    return Path(package.origin).parent / "kubernetes-json-schema" / f"v{version}.0-local-strict"
