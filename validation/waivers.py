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

from validation.checkpoints import select
from validation.errors import UsageError

FIELDS = {"id", "reason", "owner", "expires"}


def read_waivers(file: Path | None) -> list[dict[str, str]]:
    """Read a waiver file; None means no waivers.

    Raises:
        UsageError: the file, a field or a checkpoint id cannot be used.
    """
    if file is None:
        return []
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8")).get("waiver", [])
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"The waivers in {file} cannot be read: {error}.") from None
    waivers = []
    for entry in entries:
        if set(entry) != FIELDS or not isinstance(entry["expires"], date) or not all(entry.values()):
            raise UsageError(
                f"A waiver in {file} must have exactly {', '.join(sorted(FIELDS))}, the last a date.", f"it has {sorted(entry)}"
            )
        select(ids=[entry["id"]])
        waivers.append({name: str(value) for name, value in entry.items()})
    if len({w["id"] for w in waivers}) != len(waivers):
        raise UsageError(f"A checkpoint is waived twice in {file}.")
    return waivers
