"""Steps that put a system through the same events twice, with its clocks set in between."""

import itertools
import signal
import threading
from collections.abc import Callable

from pytest_bdd import given, then, when

from features.support.consumers import observe_shutdown
from features.support.days import (
    ANSWERS_SECONDS,
    COUNTED_SECONDS,
    PROBE_SECONDS,
    UNAVAILABLE,
    Days,
    ask_for_receipt,
    live,
    one_day,
)
from features.support.own_system import AHEAD, FOREIGN_ROWS, LIMIT, OURS, OwnSystem, counts_of
from validation.core import protocol
from validation.core.collections import every
from validation.core.waiting import consistently, eventually
from validation.probes.running.metrics import samples
from validation.probes.running.stream import order_of
from validation.record.observe import Observe
from validation.targets.process import Child

OK, ACCEPTED, LIMITED = 200, 201, 429
CLOCK_SECONDS = 60.0
HOUR = 3600
ARCHIVE = "archive"
OUTAGES = 2
COUNTED_AT = """select to_char(date_trunc('second', counted_at) at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as at
  from vote_ledger where vote_id = $1::uuid"""
UPKEEP_SECONDS = 0.6
"""Longer than several turns of a consumer that trims ten times a second."""


@given("a system of its own, beside other applications, on clocks that can be set", target_fixture="own_parts")
def own_parts(own_system: OwnSystem, observe: Observe) -> OwnSystem:
    ready = eventually(lambda: own_system.http.send("GET", "/ready").status, lambda status: status == OK, within=PROBE_SECONDS)
    observe("/ready", expected=OK, observed=ready.value, evidence=ready.story)
    return own_system


@given("a second group that does not read the stream yet, and a page that follows the results", target_fixture="days")
def archive_and_page(own_parts: OwnSystem, afterwards: Callable[..., None]) -> Days:
    own_parts.keys.put("XGROUP", "CREATE", protocol.STREAM, ARCHIVE, "0", "MKSTREAM")
    before = _others(own_parts)
    page = own_parts.follow()
    afterwards(page.close)
    first = own_parts.vote("dogs", "first-key")
    eventually(lambda: live(page), lambda counts: counts == own_parts.counts, within=COUNTED_SECONDS)
    return Days(own_parts, page, before, first)


@when("both servers refuse, later fall silent, and the clocks of API and consumer jump by days in between")
def two_days(days: Days) -> None:
    for number in range(OUTAGES):
        if number:
            days.system.turn_clocks()
        days.days.append(one_day(days, number))
        ask_for_receipt(days)
    days.system.turn_clocks()
    days.repeats.append(days.system.vote("dogs", "first-key"))
    ask_for_receipt(days)


@then("each time nothing is told or promised while the servers are away, and no client waits long")
def away(days: Days, observe: Observe) -> None:
    failures = [event for event in days.system.api.process.events() if event.get("level") == "error"]
    observe("outages", expected=OUTAGES, observed=len(days.days))
    for number, day in enumerate(days.days, 1):
        with observe.together():
            statuses = [answer.status for answer in day.away]
            observe(f"outage {number}: votes, new and repeated, and /ready", expected=[UNAVAILABLE] * 4, observed=statuses,
                    evidence=failures)  # fmt: skip
            slow = [round(answer.seconds, 2) for answer in day.away if answer.seconds > ANSWERS_SECONDS]
            observe(f"outage {number}: responses after more than {ANSWERS_SECONDS} s", expected=[], observed=slow, timed=True)
            hints = [answer.headers.get("retry-after", "none") for answer in day.away]
            observe(f"outage {number}: responses without Retry-After", expected=0, observed=hints.count("none"))
            observe(f"outage {number}: the results", expected=UNAVAILABLE, observed=day.told.value, evidence=day.told.story,
                    remedy="system/api/results.py: old counts are not the results")  # fmt: skip
            observe(f"outage {number}: events on the page", expected=0, observed=day.events_while_away)
            observe(f"outage {number}: a page that begins to follow", expected=UNAVAILABLE, observed=day.followed_while_away)


@then("each time votes are accepted and counted once, dead entries are claimed and malformed ones are set apart")
def counted_once(days: Days, observe: Observe) -> None:
    claimed = 0.0
    for number, day in enumerate(days.days, 1):
        with observe.together():
            observe(f"time {number}: votes after the outage", expected=[ACCEPTED] * 3, observed=[a.status for a in day.answers])
            receipts = [answer.json() for answer in day.answers[:2]]
            observe(f"time {number}: receipts of a vote that is sent again", expected=receipts[:1] * 2, observed=receipts)
            observe(f"time {number}: votes that were counted", expected=sum(day.expected.values()), observed=len(day.counted.value),
                    evidence=day.counted.story + days.system.consumer.output()[-3000:], remedy="system/consumer/loop.py")  # fmt: skip
            observe(f"time {number}: everything is acknowledged", expected=True, observed=day.drained)
            observe(f"time {number}: dead letters, by source", expected=days.system.malformed[:number], observed=day.dead)
            now = day.consumer.get("votes_claimed_total", -1)
            observe(f"time {number}: entries claimed", expected="at least 2 more", observed=now, holds=now >= claimed + 2)
            claimed = now
    ledger = days.system.store.whole_ledger()
    observe("the ledger, compared with every promised vote", expected=days.system.promised, observed=ledger)


@then("each time voters and the page that follows see the new counts")
def seen(days: Days, observe: Observe) -> None:
    for number, day in enumerate(days.days, 1):
        with observe.together():
            observe(f"change {number}: counts in the results", expected=day.expected, observed=day.shown.value, evidence=day.shown.story,
                    remedy="system/api/results.py")  # fmt: skip
            observe(f"change {number}: counts on the page that follows", expected=day.expected, observed=day.live.value,
                    evidence=day.live.story, remedy="system/api/results.py, changes")  # fmt: skip
    told = [(event.identifier, counts_of(event.data)) for event in days.page.events]
    resumed = [event.resumed for event in days.page.events]
    unchanged = [
        after for (before, after), again in zip(itertools.pairwise(told), resumed[1:], strict=True) if before == after and not again
    ]
    observe("events that repeat the one before", expected=[], observed=unchanged, evidence=told)
    observe("ids of events", expected=len({str(counts) for _, counts in told}), observed=len({identifier for identifier, _ in told}))


@then("a key stays the same vote and a limit stays the same limit, whatever the clock says")
def same_key_and_limit(days: Days, observe: Observe) -> None:
    first = days.first_key.json()
    ahead = [round(day.seconds_ahead / 3600) for day in days.days]
    with observe.together():
        wanted = [round(hours / 3600) for hours in AHEAD["api"][:2]]
        observe("hours by which votes were dated ahead: the clock was set", expected=wanted, observed=ahead)
        states = [(answer.json() or {}).get("state", answer.status) for answer in days.receipts]
        observe("what became of the first vote, on each clock", expected=["counted"] * (OUTAGES + 1), observed=states,
                evidence=days.receipts, remedy="system/api/receipts.py: a pause is measured by a clock that nobody sets")  # fmt: skip
        [counted] = days.system.store.rows(COUNTED_AT, (first or {}).get("vote_id"))
        told = [(answer.json() or {}).get("counted_at") for answer in days.receipts]
        observe("when it was counted, as each receipt says", expected=[counted["at"]] * (OUTAGES + 1), observed=told,
                remedy="COUNTED in system/db/store.py")  # fmt: skip
        observe("receipts of a repeated key", expected=[first] * len(days.repeats), observed=[answer.json() for answer in days.repeats])
        statuses = [answer.status for day in days.days for answer in day.limited]
        expected = [ACCEPTED] * LIMIT + [LIMITED] * (LIMIT + 2)
        observe(f"{LIMIT + 1} votes of one client each day, {LIMIT} allowed an hour", expected=expected, observed=statuses)
        waits = [answer.headers.get("retry-after", "") for day in days.days for answer in day.limited if answer.status == LIMITED]
        right = every(wait.isdigit() and 1 <= int(wait) <= HOUR for wait in waits)
        observe("Retry-After of each refusal", expected=f"1 to {HOUR} seconds", observed=waits, holds=right)


@then("metrics, log and heartbeat are right after the second time")
def operators(days: Days, observe: Observe) -> None:
    system, (first, second) = days.system, days.days
    accepted = _accepted(system)
    took = [(event, float(event["ms"])) for event in system.api.process.events() if "ms" in event]
    negative = [event for event, milliseconds in took if milliseconds < 0]
    with observe.together():
        observe("api_votes_accepted, over all options", expected=system.accepted, observed=accepted, remedy="system/api/votes.py")
        observe("requests whose time is in the log", expected="some", observed=len(took), holds=bool(took))
        observe("requests that took less than no time", expected=[], observed=negative[:3])
        observe("exit codes of the heartbeat", expected=[0, 0], observed=[first.heartbeat, second.heartbeat])
        for number, day in enumerate(days.days, 1):
            metrics = {name: day.consumer.get(name) for name in ("votes_counted_total", "votes_dead_lettered_total", "votes_lost_total")}
            expected = {"votes_counted_total": float(sum(day.expected.values())), "votes_dead_lettered_total": float(number),
                        "votes_lost_total": 0.0}  # fmt: skip
            observe(
                f"metrics of the consumer after time {number}", expected=expected, observed=metrics, remedy="system/consumer/metrics.py"
            )
            age = day.consumer.get("vote_oldest_seconds", -1.0)
            observe(f"age of the oldest vote after time {number}", expected="0 to 60 s", observed=age, holds=0 <= age <= CLOCK_SECONDS)
        name = 'vote_back_offs_total{server="redis"}'
        grown = [day.consumer.get(name, 0.0) for day in days.days]
        observe(f"{name} after each time", expected="grows each time", observed=grown, holds=0 < grown[0] < grown[1])
    held, status, after = _held_vote(system)
    with observe.together():
        observe("a vote that never reached Redis", expected=UNAVAILABLE, observed=status)
        observe(
            "api_votes_accepted while a vote waits for Redis, and after it was refused", expected=[accepted] * 2, observed=[held, after]
        )


@then("the stream keeps every entry until the second group has acknowledged it")
def kept(days: Days, observe: Observe) -> None:
    system, added = days.system, sorted(days.system.added, key=order_of)

    def present() -> list[str]:
        return [identifier for identifier, _ in system.stream.entries_after(protocol.STREAM)]

    observe("entries before the second group reads", expected=added, observed=present(), remedy="system/consumer/upkeep.py")
    half = len(added) // 2
    read = [identifier for identifier, _ in system.stream.deliver(protocol.STREAM, ARCHIVE, "reader", half)]
    system.stream.acknowledge(protocol.STREAM, ARCHIVE, read[:-1])
    trimmed = eventually(present, lambda left: left[:1] == read[-1:], within=COUNTED_SECONDS)
    observe("entries after it acknowledged all but the last of the half that it read", expected=added[half - 1 :], observed=trimmed.value,
            evidence=trimmed.story)  # fmt: skip
    system.stream.acknowledge(protocol.STREAM, ARCHIVE, read[-1:])
    system.keys.put("XGROUP", "DELCONSUMER", protocol.STREAM, ARCHIVE, "reader")  # it goes away for the night, and holds nothing
    left = consistently(present, lambda there: there == added[half - 1 :], during=UPKEEP_SECONDS, every=0.1)
    observe("entries while the second group has no consumer", expected=added[half - 1 :], observed=left.value, evidence=left.story,
            remedy="system/consumer/upkeep.py: a group needs what it has not read, whoever is in it")  # fmt: skip
    rest = [identifier for identifier, _ in system.stream.deliver(protocol.STREAM, ARCHIVE, "reader", len(added))]
    system.stream.acknowledge(protocol.STREAM, ARCHIVE, rest)
    observe("entries that it read the second time", expected=added[half:], observed=rest)
    gone = eventually(lambda: len(present()), lambda left: left <= 1, within=COUNTED_SECONDS)
    observe("entries after it acknowledged everything", expected="at most 1", observed=gone.value, holds=gone.held, evidence=gone.story)


@then("what belongs to other applications is as it was")
def others_untouched(days: Days, observe: Observe) -> None:
    keys, rows = _others(days.system)
    observe("keys that other applications had", expected="some", observed=len(days.before[0]), holds=bool(days.before[0]))
    observe("keys of other applications", expected=sorted(days.before[0]), observed=sorted(keys))
    changed = [name for name, value in keys.items() if value != days.before[0].get(name)]
    observe("keys of other applications that changed", expected=[], observed=changed)
    observe("tables of other applications", expected=days.before[1], observed=rows)


@then("more signals disturb no shutdown, and a restarted API knows keys and counts")
def signals(days: Days, observe: Observe) -> None:
    system, api = days.system, days.system.api.process
    for child, number in ((system.consumer, signal.SIGINT), (api, signal.SIGTERM)):
        _send_until_ended(child, number)
    observe_shutdown(system.consumer, observe)
    ended = api.wait(within=0.0)
    page = eventually(lambda: days.page.ended, bool, within=1.0)
    with observe.together():
        observe("exit code of the API, with a page that follows", expected=0, observed=ended.value, evidence=api.output()[-2000:])
        observe("the stream of the page has ended", expected=True, observed=page.value)
    api.start()
    eventually(lambda: system.http.answers("/ready"), bool, within=PROBE_SECONDS)
    again = system.vote("dogs", "first-key")
    with observe.together():
        observe("receipt of the first key after a restart", expected=days.first_key.json(), observed=again.json(), evidence=again)
        observe("counts after a restart", expected=system.counts, observed=system.shown())


def _send_until_ended(child: Child, number: signal.Signals) -> None:
    """Send a signal again and again, so that one arrives in each part of the shutdown."""

    def send() -> bool:
        child.send(number)
        return child.alive

    eventually(send, lambda alive: not alive, within=protocol.SHUTDOWN_SECONDS, every=0.01)


def _others(system: OwnSystem) -> tuple[dict[str, tuple[int, bytes]], str]:
    return system.keys.contents(OURS), str(next(system.store.rows(FOREIGN_ROWS))["told"])


def _accepted(system: OwnSystem) -> float:
    return sum(value for name, value in samples(system.http).items() if name.startswith("api_votes_accepted_total{"))


def _held_vote(system: OwnSystem) -> tuple[float, int, float]:
    """Hold a vote between the API and Redis, and give it up. Return the metric meanwhile, the status, and the metric afterwards."""
    statuses: list[int] = []
    held = system.redis.break_at(lambda command: command.label == "XADD", side="request")
    voter = threading.Thread(target=lambda: statuses.append(system.vote("cats").status), daemon=True)
    voter.start()
    held.wait(ANSWERS_SECONDS)
    meanwhile = _accepted(system)
    held.drop()
    voter.join(PROBE_SECONDS)
    return meanwhile, statuses[0] if statuses else 0, _accepted(system)
