"""Texts without secrets, for what a run keeps as a file."""

import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote, urlsplit

from validation.core.inputs import HIDDEN, hidden

_NAME = r"(?:token|passw(?:or)?d|secret|credential|authorization|cookie)"
_VALUE = r"""(?:"[^"\n]*"|'[^'\n]*'|[^\s,;"'()}{]+)"""
_NAMED = re.compile(rf"""(?P<name>{_NAME}["']?\s?[:=]\s?)(?:(?:basic|bearer)\s)?(?!\(hidden\)){_VALUE}""", re.IGNORECASE)
"""A value beside a name that says it is secret: `PGPASSWORD=…`, `Authorization: Bearer …`, `"password": "…"`."""
_VARIABLE = re.compile(rf"""(?P<name>{_NAME}["']?,?\s{{1,40}}["']?value["']?:\s?){_VALUE}""", re.IGNORECASE)
"""The same as a variable of a container: `name: REDIS_PASSWORD`, `value: …`."""


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text without these secrets, without credentials in URLs, and without values whose name says that they are secret."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):  # longest first, in case one contains another
        text = text.replace(secret, HIDDEN)
    for pattern in (_NAMED, _VARIABLE):
        text = pattern.sub(rf"\g<name>{HIDDEN}", text)
    return hidden(text)


def passwords(url: str) -> Iterator[str]:
    """Yield the password of a URL as it is written there and as it is sent; nothing for a URL without one, or a malformed one."""
    try:
        password = urlsplit(url).password
    except ValueError:
        return
    if password:
        yield password
        yield unquote(password)
