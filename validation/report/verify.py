"""Checks `results.json` and the evidence of a run against its record: the seals, the recomputed verdict, the digest of each file."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from validation.core.errors import UsageError
from validation.record.events import Event
from validation.record.verdicts import Run
from validation.report import evidence
from validation.report.model import load_with_events
from validation.report.provenance import problems_of_shards
from validation.report.results_json import RESULTS, breaches, document
from validation.report.text import one_line

_SHOWN_MAX = 200


def verify(folder: Path) -> list[str]:
    """Return what is wrong with the reports of a run, one line each; none if the record confirms them."""
    return load_and_verify(folder)[1]


def load_and_verify(folder: Path) -> tuple[Run | None, list[str]]:
    """Return a run, unless its record cannot be read, and what `verify` returns."""
    try:
        run, events = load_with_events(folder)
    except UsageError as error:
        return None, [one_line(str(error))]
    return run, _problems(folder, run, events)


def _problems(folder: Path, run: Run, events: Sequence[Event]) -> list[str]:
    recomputed = document(run)
    of_shards = problems_of_shards(folder, events)
    changed = [one_line(line) for line in evidence.breaches(run, folder)]
    try:
        published = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return [f"Cannot read {RESULTS}: {one_line(str(error))}", *changed]
    recorded, name = one_line(recomputed["run"]), folder.resolve().name
    named = [] if recomputed["run"] == name else [f"Folder {name} holds run {recorded}; rename it to {recorded}."]
    broken = [f"{RESULTS} does not match its schema at {one_line(line, _SHOWN_MAX)}" for line in breaches(published)]
    return named + of_shards + broken + [f"{RESULTS} {line}" for line in _differences("$", recomputed, published)] + changed


def _differences(path: str, recomputed: Any, published: Any) -> Iterator[str]:
    """Yield each place where two documents differ, as deep as possible."""
    if isinstance(recomputed, dict) and isinstance(published, dict):
        for key in sorted(recomputed.keys() | published.keys()):
            yield from _differences(f"{path}.{key}", recomputed.get(key), published.get(key))
    elif isinstance(recomputed, list) and isinstance(published, list) and len(recomputed) == len(published):
        for number, (one, other) in enumerate(zip(recomputed, published, strict=True)):
            yield from _differences(f"{path}[{number}]", one, other)
    elif recomputed != published:
        yield one_line(f"has {_short(published)} at {path}; the record gives {_short(recomputed)}")


def _short(value: Any) -> str:
    return one_line(json.dumps(value), _SHOWN_MAX)
