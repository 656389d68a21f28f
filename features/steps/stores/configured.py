"""Steps about the Redis and the PostgreSQL of the chart and of compose.yaml, started with their own commands."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from anyio.from_thread import BlockingPortal
from pytest_bdd import parsers, then, when

from validation.core.settings import RunSettings
from validation.core.waiting import eventually
from validation.probes.chart.manifests import render
from validation.probes.explained import compose, tables
from validation.probes.running import configured as told
from validation.probes.running.store import StoreProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget
from validation.targets.local import configured
from validation.targets.ports import free_port
from validation.targets.process import Child

PASSWORD = "it's #1 & $HOME; `id` {}"  # noqa: S105 - for a server that lives as long as the scenario
WITHIN_SECONDS = 15.0
DURABLE = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "autovacuum": "on",
    "wal_level": "replica",
    "log_statement": "none",
    "password_encryption": "scram-sha-256",
    "zero_damaged_pages": "off",
}
"""Settings of PostgreSQL on which promises rest: durability, tidying up, and no option and no password in its log."""


@dataclass(frozen=True)
class Started:
    """A Redis that was started with a command, and what a Redis that was told nothing says."""

    child: Child
    port: int
    defaults: dict[str, str]
    connect: Callable[[str], told.ConfiguredRedis]


@dataclass(frozen=True)
class StartedPostgres:
    """A PostgreSQL that was started with a command, and its name in the table."""

    name: str
    store: StoreProbe


@when(parsers.re(r"a Redis is started with the command in (?P<place>the chart|compose\.yaml), with a password of unusual characters"),
      target_fixture="started_redis")  # fmt: skip
def start_redis(place: str, target: LaunchingTarget, settings: RunSettings, afterwards: Callable[..., None], observe: Observe) -> Started:
    command, folder = _command(place, "redis", settings), target.folder / f"configured-{free_port()}"

    def started(name: str, words: list[str], password: str) -> tuple[Child, int]:
        port = free_port()
        child = configured.redis(folder / name, port, words, password, target.folder.name)
        afterwards(child.stop)
        child.start()
        return child, port

    def connect(port: int, password: str) -> told.ConfiguredRedis:
        found = told.ConfiguredRedis(port, password)
        afterwards(found.close)
        return found

    _, bare_port = started("bare", ["redis-server"], "")
    child, port = started("own", command, PASSWORD)
    bare, own = connect(bare_port, ""), connect(port, PASSWORD)
    answering = [eventually(one.answers, bool, within=WITHIN_SECONDS).held for one in (bare, own)]
    observe(f"a Redis with the command of {place} answers", expected=[True, True], observed=answering, evidence=child.output(),
            remedy="the command does not start, or the password does not reach it")  # fmt: skip
    return Started(child, port, bare.facts(), lambda password: connect(port, password))


@then("each setting that differs from the defaults of Redis is as its table explains")
def redis_is_explained(started_redis: Started, observe: Observe) -> None:
    connection = started_redis.connect(PASSWORD)
    differing = told.differing(connection.facts(), started_redis.defaults)
    found = list(tables.differences(tables.read("redis.toml"), "Redis", differing))
    with observe.together():
        observe("settings that Redis read", expected="at least 100", observed=len(started_redis.defaults),
                holds=len(started_redis.defaults) >= 100)  # fmt: skip # noqa: PLR2004
        observe("settings that differ from their table", expected=[], observed=found, evidence=str(sorted(differing)),
                remedy="undo it, or write its reason into validation/probes/explained/redis.toml")  # fmt: skip


@then("it answers only those who know the password")
def needs_password(started_redis: Started, observe: Observe) -> None:
    passwords = {"none": "", "another": "x", "its own": PASSWORD}
    answers = {name: started_redis.connect(password).answers() for name, password in passwords.items()}
    observe("answers, by password", expected={"none": False, "another": False, "its own": True}, observed=answers)


@then("it finds its votes on its volume after a second start")
def finds_votes(started_redis: Started, observe: Observe) -> None:
    connection = started_redis.connect(PASSWORD)
    connection.write()
    folder = connection.folder()
    code = started_redis.child.stop(WITHIN_SECONDS).value
    started_redis.child.start()
    again = eventually(connection.answers, bool, within=WITHIN_SECONDS)
    with observe.together():
        observe("folder of the data", expected=str(started_redis.child.folder), observed=folder, remedy="the folder of the volume")
        observe("exit code on SIGTERM", expected=0, observed=code)
        observe("Redis answers after a second start", expected=True, observed=again.held, evidence=again.story)
        observe("entries after a second start", expected=1, observed=connection.entries() if again.held else 0)


@when(parsers.re(r"a PostgreSQL is started with the command in (?P<place>the chart|compose\.yaml)"), target_fixture="started_postgres")
def start_postgres(
    place: str,
    target: LaunchingTarget,
    settings: RunSettings,
    afterwards: Callable[..., None],
    portal: BlockingPortal,
    observe: Observe,
) -> StartedPostgres:
    words, port = _command(place, "postgres", settings), free_port()
    child = configured.postgres(target.folder / f"configured-{port}", port, words, target.folder.name)
    afterwards(child.stop)
    child.start()
    started = eventually(lambda: not child.alive or "ready to accept connections" in child.output(), bool, within=WITHIN_SECONDS)
    observe("PostgreSQL starts with its command", expected=True, observed=started.held and child.alive, evidence=child.output())
    return StartedPostgres(
        f"PostgreSQL of {place.removesuffix('.yaml')}", StoreProbe(f"postgresql://postgres@127.0.0.1:{port}/postgres", portal)
    )


@then("each setting that its command gives is as its table explains, and no durable default is changed")
def postgres_is_explained(started_postgres: StartedPostgres, observe: Observe) -> None:
    given = told.postgres_settings(started_postgres.store)
    found = list(tables.differences(tables.read("postgres.toml"), started_postgres.name, given))
    names = ", ".join(f"'{name}'" for name in DURABLE)
    question = f"select name, setting from pg_settings where name in ({names})"  # noqa: S608 - our own names
    with observe.together():
        observe("settings that differ from their table", expected=[], observed=found, evidence=str(given),
                remedy="undo it, or write its reason into validation/probes/explained/postgres.toml")  # fmt: skip
        in_force = {str(row[0]): str(row[1]) for row in started_postgres.store.rows(question)}
        observe("settings on which promises rest", expected=DURABLE, observed=in_force)


def _command(place: str, name: str, settings: RunSettings) -> list[str]:
    """Return the command of a server, as its container gets it. Compose writes $$ for $."""
    if place == "the chart":
        container = _container(settings, name)
        return [*(container.get("command") or ()), *(container.get("args") or ())]
    service = compose.read(settings.source)["services"][name]
    return [word.replace("$$", "$") for word in (*(service.get("entrypoint") or ()), *(service.get("command") or ()))]


def _container(settings: RunSettings, name: str) -> dict[str, Any]:
    (found,) = [m for m in render(settings.source / "chart") if (m.kind, m.name) == ("StatefulSet", name)]
    container: dict[str, Any] = found.body["spec"]["template"]["spec"]["containers"][0]
    return container
