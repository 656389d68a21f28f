"""Steps with counts that were edited in the database: pages see them, and reconcile makes them equal the ledger again."""

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from pytest_bdd import then, when

from features.support.own_system import OwnSystem, counts_of
from features.support.reconciliation import without_zeros
from validation.core.waiting import Waited, eventually
from validation.probes.running.event_stream import EventStream
from validation.record.observe import Observe

SHOWN_SECONDS, PROGRAM_SECONDS = 6.0, 30.0
MORE, LESS = "cats", "dogs"
NO_ROWS = "owls"
"""An option that the ledger does not know."""
SAME_TOTAL = (
    f"update votes set count = count + 1 where option = '{MORE}'",  # noqa: S608 - constants of this module
    f"update votes set count = count - 1 where option = '{LESS}'",  # noqa: S608
)
WRONG = {
    "too many, too few, and an option without rows": (f"insert into votes (option, count) values ('{NO_ROWS}', 7)",),  # noqa: S608
    "a missing count": (f"delete from votes where option = '{MORE}'",),  # noqa: S608
    "nothing": (),
}
"""What is wrong before each run of reconcile, and what makes it so, in this order. The edit that keeps the total comes before the first."""
DIFFERENT = {"too many, too few, and an option without rows": {MORE, LESS, NO_ROWS}, "a missing count": {MORE}, "nothing": set()}
REPAIRED = re.compile(r"^reconcile: (\w+): repaired", re.MULTILINE)


@dataclass(frozen=True)
class Repair:
    """One run of reconcile, and the counts and the rows of the ledger after it."""

    run: "subprocess.CompletedProcess[str]"
    counts: dict[str, int]
    ledger: dict[str, int]


@dataclass(frozen=True)
class Edited:
    """What pages showed of counts that changed while the total did not, and what reconcile did."""

    before: dict[str, int]
    moved: dict[str, int]
    shown: dict[str, Waited[dict[str, int]]]
    repairs: dict[str, Repair]


@when(
    "votes of one option are moved to another in the database, and reconcile repairs that and other wrong counts", target_fixture="edited"
)
def edit(own_parts: OwnSystem, afterwards: Callable[..., None]) -> Edited:
    def follow(last_event_id: str = "") -> EventStream:
        page = own_parts.follow(last_event_id)
        afterwards(page.close)
        return page

    def shows(page: EventStream, expected: dict[str, int]) -> Waited[dict[str, int]]:
        return eventually(lambda: _counts(page), lambda counts: counts == expected, within=SHOWN_SECONDS)

    before, connected = own_parts.counts, follow()
    first = shows(connected, before)
    identifier = connected.events[-1].identifier if connected.events else ""
    moved = before | {MORE: before[MORE] + 1, LESS: before[LESS] - 1}
    _change(own_parts, SAME_TOTAL)
    there, again = shows(connected, moved), shows(follow(identifier), moved)
    repairs = {}
    for wrong, statements in WRONG.items():
        _change(own_parts, statements)
        run = own_parts.consumer.ask("python", "-m", "system.db.reconcile", within=PROGRAM_SECONDS)
        repairs[wrong] = Repair(run, without_zeros(own_parts.store.counts()), dict(own_parts.store.ledger_totals()))
    shown = {"at first": first, "when votes have moved": there, "when it connects again after they have moved": again}
    return Edited(before, moved, shown | {"when the counts are repaired": shows(connected, before)}, repairs)


@then("pages see each change although the total stays, also when they connect again with the id of the last event")
def pages_see(edited: Edited, observe: Observe) -> None:
    with observe.together():
        for when_, shown in edited.shown.items():
            expected = edited.moved if "moved" in when_ else edited.before
            observe(f"counts on a page {when_}", expected=expected, observed=shown.value, evidence=shown.story,
                    remedy="system/api/results.py, the version of a snapshot")  # fmt: skip


@then("after each run every count is that of the ledger, and each exit code and message says what was wrong")
def repaired(edited: Edited, observe: Observe) -> None:
    remedy = "system/db/reconcile.py"
    observe("runs of reconcile", expected=list(WRONG), observed=list(edited.repairs))
    with observe.together():
        for wrong, one in edited.repairs.items():
            evidence = one.run.stdout + one.run.stderr
            observe(f"{wrong}: counts after reconcile", expected=one.ledger, observed=one.counts, remedy=remedy, evidence=evidence)
            named = DIFFERENT[wrong]
            observe(f"{wrong}: exit code of reconcile", expected=int(bool(named)), observed=one.run.returncode, evidence=evidence)
            observe(f"{wrong}: options that reconcile names", expected=sorted(named), observed=sorted(REPAIRED.findall(one.run.stdout)),
                    evidence=evidence)  # fmt: skip
        observe("rows of the ledger, by option", expected=edited.before, observed=edited.repairs["nothing"].ledger)


def _change(system: OwnSystem, statements: tuple[str, ...]) -> None:
    system.store.run("begin", *statements, "commit")


def _counts(page: EventStream) -> dict[str, int]:
    return counts_of(page.events[-1].data) if page.events else {}
