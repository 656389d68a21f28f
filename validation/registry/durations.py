"""How long each scenario took in a recorded run. `--shard` balances its parts by it."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

DURATIONS = Path("validation") / "registry" / "durations.toml"
HEAD = """# Seconds of each scenario in recorded runs, below its feature. `votecheck run --shard` balances the shards by them; one that is
# missing counts as the median. They decide which shard runs a scenario, and nothing else.
# Written from the runs in a folder of reports, the longest duration of each scenario:
# VOTECHECK_DURATIONS=reports .venv/bin/python -m pytest tests/unit/registry/test_durations.py
"""
Unit = tuple[str, str]
"""What is never split: the rows of one feature whose scenario has the same name, filled with the row."""
Share = frozenset[Unit] | None
"""The units that a shard runs; None: all."""


def recorded(project: Path) -> dict[Unit, float]:
    """Return the recorded seconds of each unit of work of a project; none if it has no list."""
    file = project / DURATIONS
    found = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return {(feature, name): float(seconds) for feature, names in found.items() for name, seconds in names.items()}


def longest(runs: Iterable[Mapping[Unit, float]]) -> dict[Unit, float]:
    """Return the longest duration of each unit in some runs."""
    found: dict[Unit, float] = {}
    for run in runs:
        for unit, seconds in run.items():
            found[unit] = max(seconds, found.get(unit, 0.0))
    return found


def as_toml(durations: Mapping[Unit, float]) -> str:
    """Return durations as the text of their file, sorted, in seconds with two decimals."""
    lines = [HEAD]
    for feature in sorted({feature for feature, _ in durations}):
        lines.append(f'["{feature}"]')
        lines += [f"{_quoted(name)} = {seconds:.2f}" for (of, name), seconds in sorted(durations.items()) if of == feature]
        lines.append("")
    return "\n".join(lines)


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
