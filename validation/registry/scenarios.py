"""The scenarios of each checkpoint, listed beside it: if one is deleted, or loses a row, its checkpoint is not proven."""

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

LISTED = Path("validation") / "registry" / "scenarios.toml"
HEAD = """# The scenarios of each checkpoint, with their number of rows. A run refuses to prove a checkpoint that has lost one of them.
# Written by: VOTECHECK_REGENERATE=1 .venv/bin/python -m pytest tests/unit/registry/test_scenarios.py
# It adds what is new and never removes a line or lowers a number: what is deleted on purpose is also removed here, by hand.
"""
Rows = Mapping[str, Mapping[str, int]]
"""Checkpoint id to the names of its scenarios, as written, and their number of rows; 1 for a scenario that is not an outline."""


def listed(project: Path) -> dict[str, dict[str, int]]:
    """Return the listed scenarios of a project; none if it has no list."""
    file = project / LISTED
    found: dict[str, dict[str, int]] = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found


def missing(of_list: Rows, written: Rows) -> Iterator[tuple[str, str, int, int]]:
    """Yield each listed scenario that is not written with all of its rows: checkpoint, name, and the listed and written number of rows."""
    for checkpoint, names in of_list.items():
        for name, rows in names.items():
            found = written.get(checkpoint, {}).get(name, 0)
            if found < rows:
                yield checkpoint, name, rows, found


def extended(of_list: Rows, written: Rows) -> dict[str, dict[str, int]]:
    """Return a list with what is written besides: no name is removed, and no number lowered."""
    ids = dict.fromkeys([*written, *of_list])
    return {one: dict(Counter(written.get(one, {})) | Counter(of_list.get(one, {}))) for one in ids}


def as_toml(of_list: Rows) -> str:
    """Return a list as the text of its file, sorted by name within each checkpoint."""
    lines = [HEAD]
    for checkpoint, names in of_list.items():
        lines.append(f'["{checkpoint}"]')
        lines += [f'"{name.replace(chr(92), chr(92) * 2).replace(chr(34), chr(92) + chr(34))}" = {names[name]}' for name in sorted(names)]
        lines.append("")
    return "\n".join(lines)
