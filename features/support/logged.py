"""The documented events of a log, and how the lines of a process are compared with them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from validation.core.collections import every
from validation.core.waiting import eventually
from validation.probes.source import documents, markdown
from validation.record.observe import Observe
from validation.targets.process import Child

PAGE, CONFIGURATION = "docs/reference/programs.md", "docs/reference/configuration.md"
API, CONSUMER = "API", "consumer"
SETTINGS = "each setting that is not a URL"
URLS = ("_URL", "_ENDPOINT")
ALWAYS = ("event", "level", "timestamp")
ABOUT_SOME = "vote_id"
"""The field that a line has only if it is about a vote, or about a vote with an id."""
SOMETIMES = {"request", "request_failed", "redis_unavailable", "malformed_message_detected", "malformed_message_dead_lettered"}
"""Events whose lines may leave that field out."""
LOGGED_SECONDS, CLOCKS = 5.0, timedelta(minutes=20)
CODE = re.compile(r"`(\w+)`")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
STREAM_ID = re.compile(r"\d+-\d+")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _matching(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _number(least: float) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int | float) and value >= least


def _list(right: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and every(right(one) for one in value)


VALUES: dict[str, Callable[[object], bool]] = (
    dict.fromkeys(("error", "reason", "version", "stream", "group", "name", "host", "environment", "request_id", "method", "route"), _text)
    | dict.fromkeys(("first", "last", "stream_id"), _matching(STREAM_ID))
    | dict.fromkeys(("attempt", "retry_in_seconds", "workers", "port"), _number(1))
    | dict.fromkeys(("count", "duplicates", "refused", "ms"), _number(0))
    | {
        "vote_id": _matching(UUID),
        "stream_ids": _list(_matching(STREAM_ID)),
        "where": _list(_text),
        "signal": lambda value: value in {"SIGTERM", "SIGINT"},
        "status": lambda value: isinstance(value, int) and 100 <= value < 600,  # noqa: PLR2004 - an HTTP status
    }
)
"""What a field may hold, by its name."""


@dataclass(frozen=True)
class Documented:
    """What a page says about one event."""

    level: str
    fields: frozenset[str]


def documented(source: Path, part: str) -> dict[str, Documented]:
    """Return the documented events of a part, by name. The settings of the consumer are fields of its first one."""
    body = dict(markdown.sections(documents.text(source, PAGE), 2)).get(f"Events of the {part}", "")
    found = {}
    for event, level, fields, _ in markdown.table_rows(body):
        more = _settings(source) if SETTINGS in fields else set()
        found[event.strip("`")] = Documented(level, frozenset(CODE.findall(fields)) | more)
    return found


def passwords(env: Mapping[str, str]) -> set[str]:
    """Return the passwords of the URLs among some variables."""
    return {password for name, value in env.items() if name.endswith(URLS) and (password := urlsplit(value).password)}


@dataclass(frozen=True)
class Log:
    """The log of a part, to be compared with the page."""

    child: Child
    part: str
    known: Mapping[str, str]
    source: Path

    def observe(self, wanted: list[str], observe: Observe) -> None:
        """Record that there are lines of these events, and that every line of a documented event is as the page says.

        The caller observes together.
        """
        page = documented(self.source, self.part)
        seen = eventually(self.child.event_names, lambda names: set(wanted) <= set(names), within=LOGGED_SECONDS)
        lines = self.child.events()
        observe(f"events in {PAGE}", expected="some", observed=len(page), holds=bool(page))
        observe("events without a row in its table", expected=[], observed=[name for name in wanted if name not in page], file=PAGE)
        missing = [name for name in wanted if name not in seen.value]
        observe(f"events that the log of the {self.part} lacks", expected=[], observed=missing, evidence=seen.story)
        observe("lines of the log", expected="some", observed=len(lines), holds=bool(lines))
        observe("lines without event, level or a timestamp in UTC", expected=[], observed=_unmarked(lines), remedy="system/logs.py")
        for name in sorted(page.keys() & set(seen.value)):
            self._compare(name, page[name], [line for line in lines if line.get("event") == name], observe)

    def _compare(self, name: str, row: Documented, lines: list[dict[str, Any]], observe: Observe) -> None:
        allowed = [sorted(row.fields)] + ([sorted(row.fields - {ABOUT_SOME})] if name in SOMETIMES else [])
        shown = {tuple(sorted(set(line) - set(ALWAYS))) for line in lines}
        levels = sorted({str(line.get("level")) for line in lines})
        observe(f"lines of {name}", expected="some", observed=len(lines), holds=bool(lines))
        observe(f"level of {name}", expected=[row.level], observed=levels, remedy=PAGE)
        observe(f"fields of {name}", expected=allowed[0], observed=sorted(map(list, shown)), remedy=PAGE,
                holds=every(list(one) in allowed for one in shown))  # fmt: skip
        wrong = [{field: value} for line in lines for field, value in line.items() if not self._right(field, value)]
        observe(f"values of fields of {name} that cannot be right", expected=[], observed=wrong[:3], evidence=lines[:3])

    def _right(self, field: str, value: object) -> bool:
        if field in self.known and field not in ALWAYS:
            return str(value) == self.known[field]
        right = VALUES.get(field)
        return right is None or right(value)


def _unmarked(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return lines without what every line has, and the last one if it was not written just now."""

    def marked(line: Mapping[str, object]) -> bool:
        return _text(line.get("event")) and _text(line.get("level")) and TIMESTAMP.fullmatch(str(line.get("timestamp", ""))) is not None

    def late(line: Mapping[str, object]) -> bool:
        return abs(datetime.fromisoformat(str(line["timestamp"])) - datetime.now(UTC)) > CLOCKS

    unmarked = [line for line in lines if not marked(line)]
    return unmarked[:3] or [line for line in lines[-1:] if late(line)]


def _settings(source: Path) -> set[str]:
    sections = dict(markdown.sections(documents.text(source, CONFIGURATION), 2))
    shared, own = (sections.get(f"Read by the {who}", "") for who in ("API and consumer", CONSUMER))
    names = [row[0].strip("`") for row in markdown.table_rows(shared + own)]
    return {name.lower() for name in names if not name.endswith(URLS)}
