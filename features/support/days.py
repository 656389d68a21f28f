"""A day of a system: both servers are away, and what is seen meanwhile and after they came back."""

import time
from dataclasses import dataclass, field
from typing import Any

from features.support.own_system import LIMIT, OwnSystem, counts_of
from validation.core import protocol
from validation.core.waiting import Waited, eventually
from validation.probes.running.event_stream import EventStream
from validation.probes.running.http import Answer
from validation.probes.running.metrics import samples

UNAVAILABLE = 503
ANSWERS_SECONDS, AWAY_SECONDS, COUNTED_SECONDS, PROBE_SECONDS = 2.5, 6.0, 15.0, 20.0
LIMITED_CLIENT = "10.9.9.9"
OTHERS = 3


@dataclass(frozen=True)
class Day:
    """What was seen on one of the days: while both servers were away, and after they came back."""

    away: list[Answer]
    told: Waited[dict[str, int] | int]
    events_while_away: int
    followed_while_away: int
    answers: list[Answer]
    limited: list[Answer]
    seconds_ahead: float
    expected: dict[str, int]
    counted: Waited[set[str]]
    drained: bool
    shown: Waited[dict[str, int] | int]
    live: Waited[dict[str, int]]
    dead: list[str]
    consumer: dict[str, float]
    heartbeat: int


@dataclass
class Days:
    """Both days, and what came after them."""

    system: OwnSystem
    page: EventStream
    before: tuple[Any, Any]
    first_key: Answer
    days: list[Day] = field(default_factory=list)
    repeats: list[Answer] = field(default_factory=list)
    receipts: list[Answer] = field(default_factory=list)


def ask_for_receipt(days: Days) -> None:
    """Ask what became of the first vote, which was counted before the first day."""
    vote_id = (days.first_key.json() or {}).get("vote_id")
    days.receipts.append(days.system.ask("GET", f"/api/votes/{vote_id}"))


def one_day(days: Days, number: int) -> Day:
    """Take both servers of a system away and bring them back, and return what was seen."""
    system, key = days.system, f"key-{number}"
    system.take_servers_away(silent=bool(number))
    away = [system.vote("cats", key), system.vote("cats", key), system.vote("dogs")]
    away += [system.http.send("GET", "/ready")]
    system.redis.heal()  # without Redis there is no limit, and so no response
    told = eventually(system.shown, lambda results: results == UNAVAILABLE, within=AWAY_SECONDS, every=0.3)
    events, second = len(days.page.events), system.follow()
    eventually(lambda: second.ended, bool, within=ANSWERS_SECONDS)
    second.close()
    events_while_away = len(days.page.events) - events
    system.redis.refuse(True)
    system.redis.reset()
    system.add_others(OTHERS)
    system.redis.heal()
    answers = [system.vote("cats", key), system.vote("cats", key), system.vote("dogs")]
    entry = system.stream.entry(protocol.STREAM, (answers[0].json() or {}).get("stream_id", "0-0")) or {}
    seconds_ahead = int(entry.get("timestamp", "0")) / 1000 - time.time()
    limited = [system.vote("dogs", client=LIMITED_CLIENT) for _ in range(LIMIT + 1)]
    days.repeats.append(system.vote("dogs", "first-key"))
    system.database.heal()
    expected, promised = system.counts, set(system.promised)
    counted = eventually(lambda: set(system.store.whole_ledger()), lambda ids: ids >= promised, within=COUNTED_SECONDS)
    return Day(
        away,
        told,
        events_while_away,
        second.status,
        answers,
        limited,
        seconds_ahead,
        expected,
        counted,
        drained=system.stream.wait_until_drained(within=COUNTED_SECONDS).held,
        shown=eventually(system.shown, lambda results: results == expected, within=COUNTED_SECONDS, every=0.2),
        live=eventually(lambda: live(days.page), lambda counts: counts == expected, within=ANSWERS_SECONDS),
        dead=[letter.get("source_id", "") for _, letter in system.stream.entries_after(protocol.STREAM + protocol.DEAD_SUFFIX)],
        consumer=samples(system.metrics),
        heartbeat=system.consumer.ask("python", "-m", "system.consumer.heartbeat", within=PROBE_SECONDS).returncode,
    )


def live(page: EventStream) -> dict[str, int]:
    """Return the counts that a page that follows shows now."""
    return counts_of(page.events[-1].data) if page.events else {}
