"""Which file of the source a finding is about: the first one that its texts name and that exists."""

import re
from collections.abc import Iterator
from pathlib import Path

_NAMED = re.compile(r"[\w.+/-]+")
_TRIED_MAX = 200
"""Longer texts are output, not names."""
_NOT_SOURCE = ("reports",)


def named_file(source: Path, *texts: str) -> str:
    """Return the path of a file relative to the source, with its line if a text has one: `chart/values.yaml:12`. Empty: none is named.

    A file that does not exist in the source is not named, whatever a text says, and neither is a hidden one or a report.

    Args:
        source: folder of the source.
        texts: the texts of a finding, the most specific one first.
    """
    for text in texts:
        for found in _paths(source, text):
            line = _line(Path(found).name, texts)
            return f"{found}:{line}" if line else found
    return ""


def _paths(source: Path, text: str) -> Iterator[str]:
    for tried, token in enumerate(_NAMED.findall(text)):
        if tried == _TRIED_MAX:
            return
        path = token.rstrip(".")
        if "." not in path and "/" not in path:
            continue
        try:
            relative = (source / path).resolve().relative_to(source.resolve())
            if (source / relative).is_file() and not any(p.startswith(".") or p in _NOT_SOURCE for p in relative.parts[:1]):
                yield relative.as_posix()
        except (OSError, ValueError):  # outside of the source, or a name that no file can have
            continue


def _line(name: str, texts: tuple[str, ...]) -> str:
    found = (re.search(rf"(?<![\w.-]){re.escape(name)}(?::| line )([1-9]\d{{0,6}})(?!\d)", text) for text in texts)
    return next((match[1] for match in found if match), "")
