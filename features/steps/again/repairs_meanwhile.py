"""Steps with votes that are counted while reconcile is in the middle of its repair."""

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from anyio.from_thread import BlockingPortal
from pytest_bdd import given, then, when

from features.support.consumers import Running
from features.support.reconciliation import without_zeros
from features.support.streams import OwnStream, new_own_stream
from validation.core.errors import TargetUnavailable
from validation.core.waiting import consistently
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.faults.proxy.traffic import Command
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget

VOTES, MORE = 20, 15
PROGRAM_SECONDS, REACHED_SECONDS, HELD_SECONDS = 30.0, 20.0, 1.5
WRONG = "update votes set count = count + 5 where option = 'cats'"
ON = "import os, runpy, sys; os.environ['DATABASE_URL'] = sys.argv[1]; runpy.run_module('system.db.reconcile', run_name='__main__')"
"""Runs reconcile on the database whose URL is its argument."""


@dataclass
class Counted:
    """A database of the scenario's own, and the consumer that counts a stream's votes in it."""

    url: str
    store: StoreProbe
    own: OwnStream
    consumer: Running


@dataclass(frozen=True)
class Held:
    """Whether reconcile was held in its repair, how it ended, and how many votes were counted meanwhile."""

    reached: bool
    run: "subprocess.CompletedProcess[str]"
    meanwhile: int


@given("a database of its own with counts that differ from the ledger, and a consumer that counts there", target_fixture="counting")
def counting_there(
    target: LaunchingTarget,
    stream: StreamProbe,
    portal: BlockingPortal,
    create_database: Callable[[], str],
    start_consumer: Callable[..., Running],
    afterwards: Callable[..., None],
) -> Counted:
    url = create_database()
    own = new_own_stream(target, stream, afterwards, VOTES)
    running = start_consumer(**own.env, DATABASE_URL=url)
    migrated = running.child.ask("python", "-m", "system.db.migrate", within=PROGRAM_SECONDS)
    if migrated.returncode:
        raise TargetUnavailable(f"The migration failed: {migrated.stderr.strip()[-300:]}")
    own.wait_until_drained(stream)
    store = StoreProbe(url, portal)
    store.run(WRONG)
    return Counted(url, store, own, running)


@when("reconcile is held before it repairs a count, and more votes arrive", target_fixture="held_repair")
def hold_repair(counting: Counted, target: LaunchingTarget, stream: StreamProbe, afterwards: Callable[..., None]) -> Held:
    proxy = proxy_to(counting.url, target.proxy_host)
    afterwards(proxy.close)
    repair = proxy.break_at(_repairs, side="request")
    before = sum(counting.store.ledger_totals().values())
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(counting.consumer.child.ask, "python", "-c", ON, url_through(counting.url, proxy), within=PROGRAM_SECONDS)
        try:
            reached = repair.wait(REACHED_SECONDS).held
            counting.own.add(stream, MORE)
            consistently(lambda: None, lambda _: True, during=HELD_SECONDS)
            meanwhile = sum(counting.store.ledger_totals().values()) - before
        finally:
            repair.release()
        return Held(reached, run.result(), meanwhile)


@then("the votes wait until it has ended, and then every count is that of the ledger")
def none_is_taken_back(held_repair: Held, counting: Counted, stream: StreamProbe, observe: Observe) -> None:
    drained = counting.own.wait_until_drained(stream)
    run, remedy = held_repair.run, "system/db/reconcile.py: comparison and repair in one transaction, under its locks"
    evidence = run.stdout + run.stderr
    with observe.together():
        observe("reconcile was held", expected=True, observed=held_repair.reached, evidence=evidence)
        observe("exit code of reconcile", expected=1, observed=run.returncode, evidence=evidence)
        observe("votes counted while it was held", expected=0, observed=held_repair.meanwhile, remedy=remedy)
        observe("votes in the ledger", expected=VOTES + MORE, observed=sum(counting.store.ledger_totals().values()), evidence=drained.story)
        observe("counts", expected=dict(counting.store.ledger_totals()), observed=without_zeros(counting.store.counts()), remedy=remedy)


def _repairs(command: Command) -> bool:
    return "insert into votes" in " ".join(command.words).lower()
