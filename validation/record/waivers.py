"""Leave to ship although a checkpoint is red: a file that names the checkpoint, the reason, an owner and the day it ends.

```toml
[[waiver]]
id = "4.3"
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

FIELDS = {"id", "reason", "owner", "expires"}


def read_waivers(file: Path | None) -> list[dict[str, str]]:
    """Read a waiver file; None means no waivers.

    Raises:
        UsageError: the file, a field or a checkpoint id cannot be used.
    """
    if file is None:
        return []
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # a file that is no TOML, or no text at all
        raise UsageError(f"The waivers in {file} cannot be read: {error}.") from None
    entries = told.pop("waiver", [])
    if told or not isinstance(entries, list):
        raise UsageError(f"{file} must have [[waiver]] tables and nothing else.", f"it has {', '.join(told) or 'waiver, which is no list'}")
    waivers = []
    for entry in entries:
        if not _is_whole(entry):
            raise UsageError(
                f"A waiver in {file} must have exactly the texts id, owner and reason and the date expires, such as 2026-12-31.",
                f"it is {entry}",
            )
        (checkpoint,) = select(ids=[entry["id"]])
        waivers.append({name: str(value) for name, value in (entry | {"id": checkpoint.id}).items()})
    if len({w["id"] for w in waivers}) != len(waivers):
        raise UsageError(f"A checkpoint is waived twice in {file}.")
    return waivers


def _is_whole(entry: Any) -> bool:
    texts = FIELDS - {"expires"}
    return (
        isinstance(entry, dict)
        and set(entry) == FIELDS
        and type(entry["expires"]) is date  # a datetime is a date, too, and cannot be held against a day
        and all(isinstance(entry[name], str) and entry[name].strip() for name in texts)
    )
