"""Files that are whole or absent: a full disk or an interruption leaves no half of a report."""

import os
import secrets
from pathlib import Path


def write_whole(file: Path, content: str | bytes) -> None:
    """Write a file under another name, then rename it. If that fails, the earlier file is unchanged and nothing else is left.

    Raises:
        OSError: it cannot be written.
    """
    draft = file.with_name(f".{file.name}-{secrets.token_hex(4)}")
    try:
        draft.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        os.replace(draft, file)  # noqa: PTH105 - replaces the name, whatever it is
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
