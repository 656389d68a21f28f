"""Steps that run the programs of the schema until they end, and compare how they ended with what is documented."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from anyio.from_thread import BlockingPortal
from pytest_bdd import then, when

from features.support.consumers import Running
from validation.core import inputs
from validation.core.errors import ProbeError
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.probes.running.store import StoreProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget

WITHIN_SECONDS = 90.0
SECRET = "hidden"  # noqa: S105 - in URLs that lead nowhere
NEWER = ("create table alembic_version (version_num varchar(32)); insert into alembic_version values ('9999')",)
IN_THE_WAY = ("create table vote_ledger (id int); insert into vote_ledger values (7)",)
DATABASES = {"the schema is missing": (), "the schema is newer": NEWER, "a table of another application is in the way": IN_THE_WAY}
"""What each database of its own holds before the program runs."""
URLS = {
    "the server does not answer": f"postgresql://u:{SECRET}@127.0.0.1:1/x",
    "the URL is of another kind": f"mysql://u:{SECRET}@127.0.0.1/x",
}
SIGNALS = ("SIGINT", "SIGTERM")
ENDINGS = """
import json, os, signal, socket, subprocess, sys
from concurrent.futures import ThreadPoolExecutor

def end(one):
    module, url, number = one
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        url = url or "postgresql://u:hidden@127.0.0.1:%d/x" % silent.getsockname()[1]
        command, env = [sys.executable, "-m", module], {**os.environ, "DATABASE_URL": url}
        child = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if number:
            client, _ = silent.accept()
            child.send_signal(getattr(signal, number))
        output, errors = child.communicate(timeout=70)
        return child.returncode, output, errors

with ThreadPoolExecutor(3) as pool:
    print(json.dumps(list(pool.map(end, json.loads(sys.argv[1])))))
"""
"""Runs programs and returns how each ended. One that gets a signal gets it while it waits for a server that says nothing."""


@dataclass(frozen=True)
class Ending:
    """How a program has to end, and how it ended. A negative code is the signal that killed it."""

    program: str
    what: str
    expected: int
    code: int
    output: str
    errors: str


@dataclass(frozen=True)
class Endings:
    """Every program that was run, and the database with the newer schema."""

    programs: list[Ending]
    newer: StoreProbe


@when("the programs of the schema are run, and this happens to them", target_fixture="endings")
def run_programs(
    target: LaunchingTarget,
    start_consumer: Callable[..., Running],
    portal: BlockingPortal,
    create_database: Callable[[], str],
    afterwards: Callable[..., None],
    datatable: list[list[str]],
) -> Endings:
    owned, reachable = {}, dict(URLS)
    for what, statements in DATABASES.items():
        url = create_database()
        owned[what] = StoreProbe(url, portal)
        for statement in statements:
            owned[what].run(statement)
        proxy = proxy_to(url, target.proxy_host)
        afterwards(proxy.close)
        reachable[what] = url_through(url, proxy)
    orders = [[f"system.db.{program}", reachable.get(what, ""), what if what in SIGNALS else ""] for program, what, _ in datatable[1:]]
    beside = target.new_consumer({})
    beside = start_consumer().child if beside.in_container else beside
    for program, url, number in orders:
        inputs.note(f"{inputs.settings(f'python -m {program}', {'DATABASE_URL': url or 'a silent server'})} {number}".strip())
    done = beside.ask("python", "-c", ENDINGS, json.dumps(orders), within=WITHIN_SECONDS)
    if done.returncode:
        raise ProbeError(f"The programs could not be run: {done.stderr.strip()[-300:]}")
    ended = json.loads(done.stdout)
    rows = [(program, what, int(code)) for program, what, code in datatable[1:]]
    return Endings([Ending(*row, *one) for row, one in zip(rows, ended, strict=True)], owned["the schema is newer"])


@then("each ends with this exit code")
def exit_codes(endings: Endings, observe: Observe) -> None:
    with observe.together():
        for one in endings.programs:
            observe(f"exit code of {one.program}: {one.what}", expected=one.expected, observed=one.code,
                    evidence=one.output + one.errors, remedy=f"system/db/{one.program}.py")  # fmt: skip


@then("each that failed says why in one line without a secret")
def one_line(endings: Endings, observe: Observe) -> None:
    failed = [one for one in endings.programs if one.expected in {1, 2}]
    with observe.together():
        observe("programs that failed", expected="at least 3", observed=len(failed), holds=len(failed) >= 3)  # noqa: PLR2004
        for one in failed:
            lines = one.errors.splitlines()
            right = len(lines) == 1 and lines[0].startswith(f"{one.program}: ") and SECRET not in lines[0]
            observe(f"output of {one.program}: {one.what}", expected="one line without a secret", observed=lines[-3:], holds=right)


@then("the newer schema is as it was")
def newer_is_untouched(endings: Endings, observe: Observe) -> None:
    tables = endings.newer.rows("select table_name::text from information_schema.tables where table_schema = 'public'")
    version = endings.newer.rows("select version_num from alembic_version")
    with observe.together():
        observe("tables of the newer schema", expected=["alembic_version"], observed=[str(row[0]) for row in tables])
        observe("version of the newer schema", expected=["9999"], observed=[str(row[0]) for row in version])
