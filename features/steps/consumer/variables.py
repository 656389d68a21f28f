"""Steps that read the nine variables: defaults, overrides and invalid values; and that import every module."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable

from pytest_bdd import given, parsers, then, when

from features.support.consumers import STARTS_SECONDS, Running
from features.support.streams import COUNTED_SECONDS, OwnStream
from validation.core import inputs, protocol
from validation.core.errors import ProbeError
from validation.core.settings import RunSettings
from validation.core.waiting import eventually
from validation.probes.running.sockets import listening_ports
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget

OVERRIDES = {"BATCH_SIZE": "7", "BLOCK_MS": "150", "MAX_RETRIES": "9", "LOG_LEVEL": "WARNING", "CONSUMER_NAME": "votecheck-named"}
REJECTING = "votecheck_rejecting"
READ_DEFAULTS = "import json; from system.settings import ConsumerSettings as C; print(json.dumps(C.read().model_dump(mode='json')))"
IMPORT_ALL = """
import importlib, json, pkgutil, system
failed = {}
run_by_others = ('__main__', 'migrations.env')  # by python -m and by alembic
names = [m.name for m in pkgutil.walk_packages(system.__path__, 'system.') if not m.name.endswith(run_by_others)]
for name in names:
    try:
        importlib.import_module(name)
    except BaseException as error:
        failed[name] = f'{type(error).__name__}: {error}'
print(json.dumps({'modules': len(names), 'failed': failed}))
"""


@when("every module of the system is imported in a fresh interpreter", target_fixture="imports")
def import_everything(settings: RunSettings) -> dict[str, object]:
    return _run_python(IMPORT_ALL, settings)


@then("no import fails")
def no_import_fails(imports: dict[str, object], observe: Observe) -> None:
    with observe.together():
        observe("modules imported", expected="at least 15", observed=imports["modules"], holds=int(str(imports["modules"])) >= 15)  # noqa: PLR2004
        observe(
            "modules that do not import", expected={}, observed=imports["failed"], remedy="python -c 'import <module>' in the source folder"
        )


@when("the consumer's settings are read in an empty environment", target_fixture="defaults")
def read_defaults(settings: RunSettings) -> dict[str, object]:
    return _run_python(READ_DEFAULTS, settings)


@then("they are the published defaults")
def published_defaults(defaults: dict[str, object], observe: Observe) -> None:
    with observe.together():
        for variable, published in protocol.CONSUMER_VARIABLES.items():
            expected = socket.gethostname() if variable == "CONSUMER_NAME" else published
            found = str(defaults.get(variable.lower(), "missing"))
            local = expected is None and "127.0.0.1" in found
            observe(
                f"default of {variable}", expected=expected or "a server on this machine", observed=found, holds=local or found == expected
            )


@when("a consumer is started on it with every variable overridden", target_fixture="overridden")
def consumer_overridden(start_consumer: Callable[..., Running], own: OwnStream, stream: StreamProbe) -> tuple[Running, list[str]]:
    with stream.watched() as seen:
        running = start_consumer(**(own.env | OVERRIDES))

        def reads() -> list[str]:
            found = (command.words for command in list(seen) if command.words[:1] == ("XREADGROUP",))
            return list(next((words for words in found if {own.name, ">"} <= set(words)), ()))

        return running, eventually(reads, bool, within=STARTS_SECONDS).value


@then("it reads that stream with that group, consumer name, batch size and block time")
def overrides_reach_redis(overridden: tuple[Running, list[str]], own: OwnStream, observe: Observe) -> None:
    running, words = overridden
    sent = dict(zip([w.upper() for w in words], words[1:], strict=False))
    with observe.together():
        observe(
            "XREADGROUP received by Redis",
            expected="at least once",
            observed=" ".join(words),
            holds=bool(words),
            evidence=running.child.output(),
        )
        observe("CONSUMER_GROUP as Redis received it", expected=own.group, observed=sent.get("GROUP"))
        observe("CONSUMER_NAME as Redis received it", expected=OVERRIDES["CONSUMER_NAME"], observed=sent.get((own.group or "").upper()))
        observe("BATCH_SIZE as Redis received it", expected=OVERRIDES["BATCH_SIZE"], observed=sent.get("COUNT"))
        observe("BLOCK_MS as Redis received it", expected=OVERRIDES["BLOCK_MS"], observed=sent.get("BLOCK"))
        observe("STREAM_NAME as Redis received it", expected=own.name, observed=sent.get("STREAMS"))


@then("it listens on no port")
def listens_nowhere(overridden: tuple[Running, list[str]], observe: Observe) -> None:
    child = overridden[0].child
    observe("the consumer runs", expected=True, observed=child.alive, evidence=child.output())
    observe(
        "ports that it listens on without METRICS_PORT",
        expected=[],
        observed=listening_ports(child.pid),
        remedy="system/consumer/__main__.py",
    )


@then("it logs nothing below WARNING")
def logs_nothing_below_warning(overridden: tuple[Running, list[str]], own: OwnStream, stream: StreamProbe, observe: Observe) -> None:
    running, _ = overridden
    drained = own.wait_until_drained(stream)
    observe("its stream", expected="drained", observed=drained.value, holds=drained.held, evidence=drained.story)
    below = [e for e in running.child.events() if e.get("level") in ("debug", "info")]
    observe("log lines below WARNING with LOG_LEVEL=WARNING", expected=[], observed=below[:3])


@given("a database that rejects every vote", target_fixture="rejecting_url")
def rejecting_database(target: LaunchingTarget, store: StoreProbe, afterwards: Callable[..., None]) -> str:
    target.database.require_managed()
    store.stage_refusal(REJECTING)
    afterwards(lambda: store.drop(REJECTING))
    return f"{target.database.url}?search_path={REJECTING}"


@when(parsers.re(r"a consumer is started on it with MAX_RETRIES (?P<times>\d+)"), target_fixture="running")
def consumer_with_retries(start_consumer: Callable[..., Running], own: OwnStream, rejecting_url: str, times: str) -> Running:
    return start_consumer(**own.env, DATABASE_URL=rejecting_url, MAX_RETRIES=times)


@then(parsers.re(r"its vote is in the dead-letter stream after exactly (?P<times>\d+) deliveries"))
def dead_lettered_after(running: Running, own: OwnStream, stream: StreamProbe, times: str, observe: Observe) -> None:
    letters = eventually(lambda: stream.entries_after(own.dead_letters), bool, within=COUNTED_SECONDS)
    log = running.child.output()
    with observe.together():
        observe("entries in the dead-letter stream", expected=1, observed=len(letters.value), evidence=letters.story)
        delivered = running.child.event_names().count("messages_received")
        observe("deliveries before the dead-letter stream", expected=int(times), observed=delivered, evidence=log)


@when("consumers are started, each with one invalid value", target_fixture="refusing")
def consumers_with_invalid_values(start_consumer: Callable[..., Running], datatable: list[list[str]]) -> dict[str, Running]:
    return {variable: start_consumer(**{variable: invalid}) for variable, invalid in datatable[1:]}


@then("each exits within 20 seconds with one line of output that names its variable and no secret")
def each_exits_at_once(refusing: dict[str, Running], observe: Observe) -> None:
    with observe.together():
        observe("variables with an invalid value", expected=sorted(protocol.CONSUMER_VARIABLES), observed=sorted(refusing))
        for variable, running in refusing.items():
            given = inputs.settings("python -m system.consumer", {variable: running.env[variable]})
            ended = running.child.wait(within=STARTS_SECONDS)
            lines = running.child.output().strip().splitlines()
            observe(
                f"exit code with an invalid {variable}",
                expected="not 0",
                observed=ended.value,
                holds=ended.held and ended.value not in (0, None),
                given=given,
            )
            named = len(lines) == 1 and variable in lines[0] and "secret" not in lines[0]
            observe(
                f"output with an invalid {variable}",
                expected="one line that names it and no secret",
                observed=lines,
                holds=named,
                given=given,
            )


def _run_python(program: str, settings: RunSettings) -> dict[str, object]:
    """Run a program in the source folder with an empty environment, and return the JSON object that it prints."""
    inputs.note(f"python -c {inputs.shown(program)}")
    done = subprocess.run(  # noqa: S603 - only the programs of this file
        [sys.executable, "-c", program], cwd=settings.source, env={}, capture_output=True, text=True, timeout=60, check=False
    )
    try:
        answer: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise ProbeError(
            f"The Python code of the system printed no JSON object: {done.stderr.strip()[-500:]}", "it does not import"
        ) from None
    return answer
