"""Steps about a migration that is cut off and runs again."""

from collections.abc import Callable
from dataclasses import dataclass, field

from anyio.from_thread import BlockingPortal
from pytest_bdd import given, then, when

from validation.faults.proxy.addresses import pooler_to, url_through
from validation.probes.running.migration import MigratedDatabase, read_catalog
from validation.probes.running.store import StoreProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget

MOST_CUTS = 20
ADVISORY_LOCKS = """select count(*) from pg_locks
  where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())"""
REMEDY = "system/db/migrate.py: one transaction for all pending migrations"


@dataclass
class Cuts:
    """What each run of the migration did: exit code and output, and the objects that were there afterwards."""

    runs: list[tuple[int, str]] = field(default_factory=list)
    left: list[list[str]] = field(default_factory=list)


@dataclass
class Pooled:
    """What each run behind a pooler did, and how many advisory locks its database had afterwards."""

    runs: list[tuple[int, str]] = field(default_factory=list)
    locks: list[int] = field(default_factory=list)


@given("a new database of the run's server", target_fixture="new_database")
def new_database(target: LaunchingTarget, portal: BlockingPortal, afterwards: Callable[..., None]) -> MigratedDatabase:
    target.database.require_managed()
    found = MigratedDatabase(target.database.url, portal, target.try_migration)
    afterwards(found.close)
    return found


@when("the migration is cut off at its first statement, then at its second, until nothing is left to cut", target_fixture="cuts")
def cut_off(new_database: MigratedDatabase) -> Cuts:
    cuts = Cuts()
    for statement in range(1, MOST_CUTS + 1):
        cuts.runs.append(new_database.migrate(statement))
        cuts.left.append(list(new_database.catalog()))
        if cuts.runs[-1][0] == 0 or cuts.left[-1]:
            break
    return cuts


@then("each run that was cut off failed and left nothing behind")
def left_nothing(cuts: Cuts, observe: Observe) -> None:
    codes, outputs = [code for code, _ in cuts.runs], "\n".join(output.strip() for _, output in cuts.runs)
    with observe.together():
        left = [objects for code, objects in zip(codes, cuts.left, strict=True) if code and objects]
        observe("objects that a run left behind when it was cut off", expected=[], observed=left, remedy=REMEDY)
        observe("runs that were cut off", expected="at least 3", observed=len(codes) - 1, holds=len(codes) > 3, evidence=outputs)  # noqa: PLR2004
        observe("exit codes", expected=[1] * (len(codes) - 1) + [0], observed=codes, evidence=outputs, remedy=REMEDY)


@then("the schema is that of a migration that nothing disturbed")
def schema_is_whole(new_database: MigratedDatabase, store: StoreProbe, observe: Observe) -> None:
    expected, observed = read_catalog(store), new_database.catalog()
    with observe.together():
        observe("objects of the schema", expected="at least 10", observed=len(expected), holds=len(expected) >= 10)  # noqa: PLR2004
        differing = sorted(name for name in expected.keys() | observed.keys() if expected.get(name) != observed.get(name))
        observe("objects that differ", expected=[], observed=differing, remedy=REMEDY)


@then("a further migration changes no definition and no row")
def further_changes_nothing(new_database: MigratedDatabase, observe: Observe) -> None:
    new_database.count_votes(["cats", "dogs", "cats"])
    before = new_database.catalog(), new_database.rows()
    code, output = new_database.migrate()
    after = new_database.catalog(), new_database.rows()
    with observe.together():
        observe("exit code of a further migration", expected=0, observed=code, evidence=output)
        observe("rows of both tables", expected=5, observed=len(before[1]))
        observe("definitions and rows afterwards", expected="as before", observed="as before" if after == before else "others",
                holds=after == before, evidence=f"{before}\n{after}", remedy=REMEDY)  # fmt: skip


@when("the migration runs twice behind a pooler whose sessions stay open and forget nothing", target_fixture="pooled")
def behind_pooler(
    target: LaunchingTarget, create_database: Callable[[], str], portal: BlockingPortal, afterwards: Callable[..., None]
) -> Pooled:
    url = create_database()
    pooler = pooler_to(url, target.proxy_host, keeps=True)
    afterwards(pooler.close)
    pooled = Pooled()
    for _ in range(2):
        pooled.runs.append(target.try_migration(url_through(url, pooler)))
        pooled.locks.append(StoreProbe(url, portal).ask(ADVISORY_LOCKS))
        if pooled.locks[-1]:
            break  # another run would wait for it, until its limit
    return pooled


@then("both succeed, and no session holds a lock afterwards")
def no_lock_left(pooled: Pooled, observe: Observe) -> None:
    with observe.together():
        observe("advisory locks after each run", expected=[0, 0], observed=pooled.locks, remedy="LOCK in system/db/migrate.py")
        observe("exit codes", expected=[0, 0], observed=[code for code, _ in pooled.runs], evidence=pooled.runs)
