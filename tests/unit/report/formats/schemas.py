"""What the formats must match: their published schemas as far as votecheck uses them, stated again and stricter."""

import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

HERE = Path(__file__).parent


@cache
def _junit() -> Any:
    xmlschema = pytest.importorskip("xmlschema", reason="of the development tools; see make setup")
    return xmlschema.XMLSchema10(str(HERE / "junit-10.xsd"))


def junit_breaches(written: str) -> list[str]:
    return [str(error.reason) for error in _junit().iter_errors(io.BytesIO(written.encode()))]


@cache
def _json(name: str) -> jsonschema_rs.Draft202012Validator:
    schema = json.loads((HERE / name).read_text(encoding="utf-8"))
    jsonschema_rs.meta.validate(schema)
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


def breaches(name: str, written: str) -> list[str]:
    """Return where a document differs from a schema of this folder."""
    return [f"{list(error.instance_path)}: {error.message[:300]}" for error in _json(name).iter_errors(json.loads(written))]
