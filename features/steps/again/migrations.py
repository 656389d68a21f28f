"""Steps that cut a migration off at each of its statements, and then run it to its end."""

import itertools
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from anyio.from_thread import BlockingPortal
from pytest_bdd import given, then, when

from features.support.consumers import Running
from validation.core.settings import RunSettings
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.faults.proxy.traffic import Command, Side
from validation.probes.running.migration import read_catalog
from validation.probes.running.store import StoreProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget
from validation.targets.process import Child

WITHIN_SECONDS = 60.0
FEW, CUTS = 5, 3
SIDES: tuple[Side, Side] = ("request", "reply")
ENDED = ["ended: 0"]
VOTE = "5e0f3f0e-0000-4000-8000-000000000009"
CHANGES = ("create", "alter", "insert", "update", "drop", "comment", "commit", "grant", "truncate", "delete")
ONE_AFTER_THE_OTHER = """
import os, runpy, sys

for url in sys.argv[1:]:
    os.environ["DATABASE_URL"] = url
    for name in [name for name in sys.modules if name.startswith("system")]:
        del sys.modules[name]
    try:
        runpy.run_module("system.db.migrate", run_name="__main__", alter_sys=True)
        print("ended: 0")
    except SystemExit as exit:
        print("ended:", exit.code)
"""
"""Migrates one database after the other in one process: loading the libraries takes a second each time."""


@dataclass(frozen=True)
class Cut:
    """A migration that was cut off: where, whether it got there, its database, and the schema that it left."""

    place: str
    reached: bool
    url: str
    left: dict[str, str]


@dataclass(frozen=True)
class Migrations:
    """A process beside which migrations run, the statements of one, and the schema that it creates."""

    beside: Child
    statements: list[str]
    whole: dict[str, str]


@given("the commands of a migration of an empty database", target_fixture="migrations")
def recorded(
    target: LaunchingTarget,
    start_consumer: Callable[..., Running],
    portal: BlockingPortal,
    create_database: Callable[[], str],
    observe: Observe,
) -> Migrations:
    url = create_database()
    beside = _beside(target, start_consumer)
    proxy = proxy_to(url, target.proxy_host)
    done = _migrate(beside, url_through(url, proxy))
    proxy.close()
    seen = [command.words[1].strip()[:60] for command in proxy.commands if _changes(command)]
    observe("how the migration ended", expected=ENDED, observed=_endings(done), evidence=done.stdout + done.stderr)
    observe("statements that change something", expected=f"more than {FEW}", observed=seen, holds=len(seen) > FEW)
    return Migrations(beside, seen, _schema(url, portal))


@when("a migration is cut off at each statement that changes something, and before and after the last", target_fixture="cuts")
def cut_off(
    migrations: Migrations, target: LaunchingTarget, portal: BlockingPortal, create_database: Callable[[], str], settings: RunSettings
) -> list[Cut]:
    count = len(migrations.statements)
    points: list[tuple[int, Side]] = [(turn, SIDES[turn % 2]) for turn in range(count - 1)] + [(count - 1, side) for side in SIDES]
    points = points[::3] if settings.quick else points
    urls = [create_database() for _ in points]
    proxies = [proxy_to(url, target.proxy_host) for url in urls]
    held = [proxy.break_at(_turn(turn), side=side) for proxy, (turn, side) in zip(proxies, points, strict=True)]
    reached: list[bool] = []

    def cut() -> None:
        for breakpoint_ in held:
            reached.append(breakpoint_.wait(WITHIN_SECONDS).held)
            breakpoint_.drop()

    cutter = threading.Thread(target=cut, daemon=True)
    cutter.start()
    _migrate(migrations.beside, *(url_through(url, proxy) for url, proxy in zip(urls, proxies, strict=True)))
    cutter.join(WITHIN_SECONDS)
    for proxy in proxies:
        proxy.close()
    places = [f"{'before' if side == 'request' else 'after'} {migrations.statements[turn]}" for turn, side in points]
    left = [_schema(url, portal) for url in urls]
    return [Cut(*one) for one in zip(places, reached, urls, left, strict=True)]


@then("each time the database has the whole schema or nothing")
def whole_or_nothing(migrations: Migrations, cuts: list[Cut], observe: Observe) -> None:
    observe("migrations that were cut off", expected=f"at least {CUTS}", observed=len(cuts), holds=len(cuts) >= CUTS)
    missed = [cut.place for cut in cuts if not cut.reached]
    observe("places that were not reached", expected=[], observed=missed)
    with observe.together():
        for cut in cuts:
            seen = f"a part: {cut.left}" if cut.left else "nothing"
            seen = "the whole schema" if cut.left == migrations.whole else seen
            observe(f"the schema after a cut {cut.place}", expected="nothing or the whole schema", observed=seen,
                    holds=not seen.startswith("a part"), remedy="system/db/migrate.py: one transaction")  # fmt: skip


@then("the next two migrations, which begin at the same moment, complete it and the third changes nothing")
def completed(migrations: Migrations, cuts: list[Cut], target: LaunchingTarget, portal: BlockingPortal, observe: Observe) -> None:
    urls = [cut.url for cut in cuts]
    observe("databases that are migrated again", expected=f"at least {CUTS}", observed=len(urls), holds=len(urls) >= CUTS)
    with _reachable(target, urls) as reachable, ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda order: _migrate(migrations.beside, *order), (reachable, reachable)))
    with observe.together():
        for number, done in enumerate(both, 1):
            observe(f"how the migrations of process {number} ended", expected=ENDED * len(urls), observed=_endings(done),
                    evidence=done.stdout + done.stderr)  # fmt: skip
        different = [cut.place for cut in cuts if _schema(cut.url, portal) != migrations.whole]
        observe("cuts after which the schema is not what one migration creates", expected=[], observed=different)
    url = urls[-1]
    store = StoreProbe(url, portal)
    store.run(f"select increment_votes(array['{VOTE}']::uuid[], array['cats'], array['1-1'])")
    with _reachable(target, [url]) as reachable:
        third = _migrate(migrations.beside, *reachable)
    with observe.together():
        observe("how the third migration ended", expected=ENDED, observed=_endings(third), evidence=third.stdout + third.stderr)
        observe("the ledger after the third migration", expected={VOTE: "cats"}, observed=store.whole_ledger())
        observe("the counts after the third migration", expected={"cats": 1}, observed=dict(store.counts()))


def _beside(target: LaunchingTarget, start_consumer: Callable[..., Running]) -> Child:
    """Return a consumer beside which a command can run. In a container that has to be one that runs."""
    child = target.new_consumer({})
    return start_consumer().child if child.in_container else child


def _migrate(beside: Child, *urls: str) -> "subprocess.CompletedProcess[str]":
    return beside.ask("python", "-c", ONE_AFTER_THE_OTHER, *urls, within=WITHIN_SECONDS)


@contextmanager
def _reachable(target: LaunchingTarget, urls: list[str]) -> Iterator[list[str]]:
    """Yield URLs by which a part reaches these databases: in a container, 127.0.0.1 is the container itself."""
    with ExitStack() as stack:
        proxies = [proxy_to(url, target.proxy_host) for url in urls]
        for proxy in proxies:
            stack.callback(proxy.close)
        yield [url_through(url, proxy) for url, proxy in zip(urls, proxies, strict=True)]


def _endings(done: "subprocess.CompletedProcess[str]") -> list[str]:
    return [line for line in done.stdout.splitlines() if line.startswith("ended: ")]


def _schema(url: str, portal: BlockingPortal) -> dict[str, str]:
    return read_catalog(StoreProbe(url, portal))


def _changes(command: Command) -> bool:
    kind, text = (*command.words, "", "")[:2]
    return kind in ("query", "execute") and text.strip().lower().startswith(CHANGES)


def _turn(turn: int) -> Callable[[Command], bool]:
    """Return the condition for the place of a statement among those that change something."""
    seen = itertools.count()
    return lambda command: _changes(command) and next(seen) == turn
