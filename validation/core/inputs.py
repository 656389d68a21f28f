"""What the running scenario gave to the system: requests, settings, SQL, values. A finding shows it.

Whoever sends something notes it here as readable text. Only the thread of the scenario notes: work in the background belongs to another.
"""

import json
import re
from collections import deque
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

from validation.core.commands import SECRET

BODY_MAX = 400
"""Characters that are shown of one body or statement."""
FIRST, LAST = 2, 5
"""How many different inputs are shown: the first ones and the latest ones."""
_PASSWORD = re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]*@")
HIDDEN = "(hidden)"


@dataclass
class Inputs:
    """The inputs of one scenario, in order. Repetitions of the same input are counted."""

    first: dict[str, int] = field(default_factory=dict)
    latest: deque[str] = field(default_factory=lambda: deque(maxlen=LAST))
    counts: dict[str, int] = field(default_factory=dict)
    dropped: int = 0

    def add(self, text: str) -> None:
        """Add an input."""
        for known in (self.first, self.counts):
            if text in known:
                known[text] += 1
                return
        if len(self.first) < FIRST:
            self.first[text] = 1
            return
        if len(self.latest) == LAST:
            del self.counts[self.latest[0]]
            self.dropped += 1
        self.latest.append(text)
        self.counts[text] = 1

    def __str__(self) -> str:
        """All of them as text, one below the other; empty for none."""
        left_out = [f"… {self.dropped} more …"] * bool(self.dropped)
        return "\n".join([*map(_counted, self.first.items()), *left_out, *map(_counted, self.counts.items())])


CURRENT: ContextVar[Inputs | None] = ContextVar("inputs of the scenario", default=None)


def begin() -> Inputs:
    """Begin the inputs of a scenario in this thread, and return them."""
    inputs = Inputs()
    CURRENT.set(inputs)
    return inputs


def note(text: str) -> None:
    """Note an input of the scenario that this thread runs; without one, do nothing."""
    if (inputs := CURRENT.get()) is not None:
        inputs.add(hidden(text))


def request(method: str, path: str, headers: Mapping[str, str], content: object) -> str:
    """Return an HTTP request as text: its line, headers and the beginning of its body."""
    lines = [f"{method} {path}", *(f"{name}: {HIDDEN if SECRET.search(name) else shown(value)}" for name, value in headers.items())]
    if isinstance(content, bytes):
        lines += [body(content)] if content else []
    else:
        lines.append("(a body in chunks)")
    return "\n".join(lines)


def body(content: bytes) -> str:
    r"""Return the beginning of a body as text; bytes that are not UTF-8 as `\xff`."""
    text = shown(content[:BODY_MAX].decode("utf-8", "backslashreplace"))
    return text if len(content) <= BODY_MAX else f"{text.rstrip()}… ({len(content)} bytes)"


def lines(sent: bytes) -> str:
    """Return raw bytes of a protocol with lines as text, one line below the other."""
    return "\n".join(shown(line.decode("utf-8", "backslashreplace")) for line in sent[:BODY_MAX].split(b"\r\n")).strip()


def settings(program: str, variables: Mapping[str, str]) -> str:
    """Return a program with the settings that it is started with, as text."""
    given = ", ".join(f"{name}={HIDDEN if SECRET.search(name) else shown(value) or '(empty)'}" for name, value in variables.items())
    return f"{program} with {given}" if given else f"{program} with its default settings"


def values(of: Mapping[str, object]) -> str:
    """Return Helm values as text: `api.replicas=3, redis.enabled=false`."""
    return (
        ", ".join(f"{path}={HIDDEN if SECRET.search(path) and value else shown(value)}" for path, value in _flat("", of))
        or "default values"
    )


def shown(value: object) -> str:
    """Return a value on one line, shortened; what is invisible is escaped."""
    structured = value is None or isinstance(value, bool | list | tuple | Mapping)
    written = json.dumps(value, ensure_ascii=False, default=str) if structured else str(value)
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in written)
    return text if len(text) <= BODY_MAX else f"{text[:BODY_MAX].rstrip()}… ({len(text)} characters)"


def hidden(text: str) -> str:
    """Return a text without the credentials of its URLs."""
    return _PASSWORD.sub(f"{HIDDEN}@", text)


def _flat(path: str, of: Mapping[str, object]) -> Iterable[tuple[str, object]]:
    for key, value in of.items():
        here = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping) and value:
            yield from _flat(here, value)
        else:
            yield here, value


def _counted(one: tuple[str, int]) -> str:
    text, count = one
    return text if count == 1 else f"{text}\n({count} times)"
