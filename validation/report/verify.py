"""Holds a run's `results.json` against its record: the record's seals first, then the verdict made anew from it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from validation.core.errors import UsageError
from validation.report.model import load
from validation.report.results_json import breaches, document
from validation.report.text import one_line
from validation.report.write import RESULTS

_TOLD_MAX = 200


def verify(folder: Path) -> list[str]:
    """Say what is wrong with the reports of a run, a line each; none when the record bears them out."""
    try:
        anew = document(load(folder))
    except UsageError as error:
        return [one_line(str(error))]
    try:
        published = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return [f"{RESULTS} cannot be read: {one_line(str(error))}"]
    named = [] if anew["run"] == folder.resolve().name else [f"The record is of run {one_line(anew['run'])}, the folder of another."]
    broken = [f"{RESULTS} breaks its schema at {one_line(line, _TOLD_MAX)}" for line in breaches(published)]
    return named + broken + [f"{RESULTS} {line}" for line in _differences("$", anew, published)]


def _differences(path: str, anew: Any, published: Any) -> Iterator[str]:
    """Name the places where two documents differ, as deep as they can be compared."""
    if isinstance(anew, dict) and isinstance(published, dict):
        for key in sorted(anew.keys() | published.keys()):
            yield from _differences(f"{path}.{key}", anew.get(key), published.get(key))
    elif isinstance(anew, list) and isinstance(published, list) and len(anew) == len(published):
        for number, (one, other) in enumerate(zip(anew, published, strict=True)):
            yield from _differences(f"{path}[{number}]", one, other)
    elif anew != published:
        yield one_line(f"says {_short(published)} at {path}, the record says {_short(anew)}")


def _short(value: Any) -> str:
    return one_line(json.dumps(value), _TOLD_MAX)
