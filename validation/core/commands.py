"""The commands that votecheck prints for people to copy: quoted for the shell, and without secrets."""

import re
import shlex
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

SECRET = re.compile(r"token|password|passwd|secret|credential|authorization", re.IGNORECASE)
"""A name or a text in which this occurs may hold a secret, and is not shown."""
_VARIABLE = re.compile(r"\$[A-Z_]+")


def command(*words: str) -> str:
    """Return a command line. A word that is `$NAME` is left for the shell to expand; every other one is quoted if it has to be."""
    return " ".join(f'"{word}"' if _VARIABLE.fullmatch(word) else shlex.quote(word) for word in words)


def url_or_variable(url: str, variable: str) -> str:
    """Return a URL, or `$NAME` if it holds a password: no record and no command line shows one."""
    try:
        secret = urlsplit(url).password is not None or "password=" in url
    except ValueError:
        secret = True
    return f"${variable}" if secret else url


def text_or_variable(text: str, variable: str) -> str:
    """Return a text, or `$NAME` if it seems to hold a secret."""
    return f"${variable}" if SECRET.search(text) else text


def variables(words: Iterable[str]) -> list[str]:
    """Return the names of the variables that a command expects from its shell."""
    return [word.removeprefix("$") for word in words if _VARIABLE.fullmatch(word)]


def value_of(words: Sequence[str], option: str) -> str:
    """Return the value of an option among the words of a command; empty without it."""
    return words[words.index(option) + 1] if option in words else ""


def without(words: Sequence[str], options: Collection[str]) -> list[str]:
    """Return the words of a command without some options and their values."""
    dropped = {n for at, word in enumerate(words) if word in options for n in (at, at + 1)}
    return [word for n, word in enumerate(words) if n not in dropped]


def path(of: str | Path) -> str:
    """Return an absolute path, so that a command works in any folder."""
    return str(Path(of).expanduser().absolute())
