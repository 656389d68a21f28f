"""Waiver files. A waiver permits shipping one version although one finding of a checkpoint is open, until the day it expires.

```toml
[[waiver]]
id = "4.3"
finding = "seccomp profile of the API"
version = "0.3.2"
reason = "the cluster of this release has no seccomp"
owner = "release@example.org"
expires = 2026-12-31
```
"""

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

from validation.core.errors import UsageError
from validation.registry.checkpoints import select

FIELDS = {"id": str, "finding": str, "version": str, "reason": str, "owner": str, "expires": date}
EXAMPLE = "votecheck waive CHECKPOINT --owner NAME --reason TEXT --expires DATE"


def read_waivers(file: Path | None) -> list[dict[str, str]]:
    """Return the waivers of a file, or none for None.

    Raises:
        UsageError: the file is unreadable, a field is missing or wrong, or a checkpoint does not exist.
    """
    try:
        return parsed(file.read_text(encoding="utf-8"), file) if file else []
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(file, error) from None


def parsed(text: str, file: Path) -> list[dict[str, str]]:
    """Return the waivers in a text that is, or will be, the content of a file; it raises what `read_waivers` raises."""
    try:
        document = tomllib.loads(text)
    except ValueError as error:
        raise _unreadable(file, error) from None
    entries = document.pop("waiver", [])
    if document:
        raise UsageError(f"{file} may contain only [[waiver]] tables. Unexpected: {', '.join(document)}.", "", EXAMPLE)
    if not isinstance(entries, list):
        raise UsageError(f"`waiver` in {file} must be a list of tables: [[waiver]], in double brackets.", "", EXAMPLE)
    waivers: list[dict[str, str]] = []
    for entry in entries:
        if problem := _problem(entry):
            raise UsageError(f"Waiver {len(waivers) + 1} in {file} is not usable: {problem}.", "", EXAMPLE)
        (checkpoint,) = select(ids=[entry["id"]])
        waivers.append({name: str(value) for name, value in (entry | {"id": checkpoint.id}).items()})
    if len({(w["id"], w["finding"]) for w in waivers}) != len(waivers):
        raise UsageError(f"{file} waives the same finding twice.")
    return waivers


def _unreadable(file: Path | None, error: Exception) -> UsageError:
    return UsageError(f"Cannot read the waivers in {file}: {error}.", "", EXAMPLE)


def _problem(entry: Any) -> str:
    """Return what is wrong with a waiver, or an empty string."""
    if not isinstance(entry, dict):
        return "it is not a table"
    if unexpected := set(entry) - FIELDS.keys():
        return f"unexpected key: {', '.join(sorted(unexpected))}"
    if missing := FIELDS.keys() - set(entry):
        return f"missing key: {', '.join(sorted(missing))}"
    wrong = [name for name, kind in FIELDS.items() if type(entry[name]) is not kind]  # a datetime is a date, too, and not a whole day
    if wrong:
        return f"{wrong[0]} must be {'a date such as 2026-12-31' if FIELDS[wrong[0]] is date else 'text in quotes'}"
    blank = [name for name in FIELDS if isinstance(entry[name], str) and not entry[name].strip()]
    return f"{blank[0]} is empty" if blank else ""
