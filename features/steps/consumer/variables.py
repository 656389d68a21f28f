"""Steps about the nine variables: what is the default, what an override does, what a bad value says; and about imports."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable

from pytest_bdd import given, parsers, then, when

from features.steps.consumer.process import STARTS_SECONDS, Running
from features.steps.consumer.stream import COUNTED_SECONDS, OwnStream
from validation.core import protocol
from validation.core.errors import ProbeError
from validation.core.settings import RunSettings
from validation.core.waiting import eventually
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget

OVERRIDES = {"BATCH_SIZE": "7", "BLOCK_MS": "150", "MAX_RETRIES": "9", "LOG_LEVEL": "WARNING", "CONSUMER_NAME": "votecheck-named"}
REFUSING = "votecheck_refusing"
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
    return _ask_python(IMPORT_ALL, settings)


@then("none fails")
def none_fails(imports: dict[str, object], observe: Observe) -> None:
    with observe.together():
        observe("modules that were imported", expected="at least 15", observed=imports["modules"], holds=int(str(imports["modules"])) >= 15)  # noqa: PLR2004
        observe("modules that failed", expected={}, observed=imports["failed"], remedy="python -c 'import <module>' in the source folder")


@when("the consumer's settings are read in an empty environment", target_fixture="defaults")
def read_defaults(settings: RunSettings) -> dict[str, object]:
    return _ask_python(READ_DEFAULTS, settings)


@then("they are the published defaults")
def published_defaults(defaults: dict[str, object], observe: Observe) -> None:
    with observe.together():
        for variable, published in protocol.CONSUMER_VARIABLES.items():
            expected = socket.gethostname() if variable == "CONSUMER_NAME" else published
            seen = str(defaults.get(variable.lower(), "missing"))
            local = expected is None and "127.0.0.1" in seen
            observe(
                f"default of {variable}", expected=expected or "a server on this machine", observed=seen, holds=local or seen == expected
            )


@when("a consumer is started on it with every variable overridden", target_fixture="overridden")
def consumer_overridden(start_consumer: Callable[..., Running], own: OwnStream, stream: StreamProbe) -> tuple[Running, list[str]]:
    with stream.wire("XREADGROUP", own.name, ">", within=STARTS_SECONDS) as sent:
        running = start_consumer(**(own.env | OVERRIDES))
        return running, sent()


@then("it reads that stream, as that group and consumer, with that batch size and block")
def reads_as_told(overridden: tuple[Running, list[str]], own: OwnStream, observe: Observe) -> None:
    running, words = overridden
    sent = dict(zip([w.upper() for w in words], words[1:], strict=False))
    with observe.together():
        observe(
            "XREADGROUP seen by Redis",
            expected="once at least",
            observed=" ".join(words),
            holds=bool(words),
            evidence=running.child.output(),
        )
        observe("CONSUMER_GROUP on the wire", expected=own.group, observed=sent.get("GROUP"))
        observe("CONSUMER_NAME on the wire", expected=OVERRIDES["CONSUMER_NAME"], observed=sent.get((own.group or "").upper()))
        observe("BATCH_SIZE on the wire", expected=OVERRIDES["BATCH_SIZE"], observed=sent.get("COUNT"))
        observe("BLOCK_MS on the wire", expected=OVERRIDES["BLOCK_MS"], observed=sent.get("BLOCK"))
        observe("STREAM_NAME on the wire", expected=own.name, observed=sent.get("STREAMS"))


@then("it logs only warnings")
def logs_only_warnings(overridden: tuple[Running, list[str]], own: OwnStream, stream: StreamProbe, observe: Observe) -> None:
    running, _ = overridden
    own.wait_until_drained(stream)
    quiet = [e for e in running.child.events() if e.get("level") in ("debug", "info")]
    observe("log lines below WARNING with LOG_LEVEL=WARNING", expected=[], observed=quiet[:3])


@given("a database that refuses every vote", target_fixture="refusing_url")
def refusing_database(target: LaunchingTarget, store: StoreProbe, afterwards: Callable[..., None]) -> str:
    target.database.require_managed()
    store.stage_refusal(REFUSING)
    afterwards(lambda: store.drop(REFUSING))
    return f"{target.database.url}?search_path={REFUSING}"


@when(parsers.re(r"a consumer is started on it with MAX_RETRIES (?P<times>\d+)"), target_fixture="running")
def consumer_with_retries(start_consumer: Callable[..., Running], own: OwnStream, refusing_url: str, times: str) -> Running:
    return start_consumer(**own.env, DATABASE_URL=refusing_url, MAX_RETRIES=times)


@then(parsers.re(r"its vote is a dead letter after exactly (?P<times>\d+) deliveries"))
def dead_after(running: Running, own: OwnStream, stream: StreamProbe, times: str, observe: Observe) -> None:
    letters = eventually(lambda: stream.entries_after(own.name + protocol.DEAD_SUFFIX), bool, within=COUNTED_SECONDS)
    log = running.child.output()
    with observe.together():
        observe("dead letters", expected=1, observed=len(letters.value), evidence=letters.story)
        delivered = running.child.event_names().count("messages_received")
        observe("deliveries with MAX_RETRIES overridden", expected=int(times), observed=delivered, evidence=log)


@when("consumers are started, each with one bad value", target_fixture="refusing")
def consumers_with_bad_values(start_consumer: Callable[..., Running], datatable: list[list[str]]) -> dict[str, Running]:
    return {variable: start_consumer(**{variable: bad}) for variable, bad in datatable[1:]}


@then("each ends at once, and one line on its output names its variable and no secret")
def each_ends_at_once(refusing: dict[str, Running], observe: Observe) -> None:
    with observe.together():
        observe("variables with a bad value", expected=sorted(protocol.CONSUMER_VARIABLES), observed=sorted(refusing))
        for variable, running in refusing.items():
            ended = running.child.wait(within=STARTS_SECONDS)
            lines = running.child.output().strip().splitlines()
            observe(
                f"exit code with a bad {variable}",
                expected="not 0",
                observed=ended.value,
                holds=ended.held and ended.value not in (0, None),
            )
            named = len(lines) == 1 and variable in lines[0] and "secret" not in lines[0]
            observe(f"output with a bad {variable}", expected="one line that names it and no secret", observed=lines, holds=named)


def _ask_python(program: str, settings: RunSettings) -> dict[str, object]:
    """Run a program against the judged source in an empty environment and read the JSON that it prints."""
    asked = subprocess.run(  # noqa: S603 - this file's own programs
        [sys.executable, "-c", program], cwd=settings.source, env={}, capture_output=True, text=True, timeout=60, check=False
    )
    try:
        answer: dict[str, object] = json.loads(asked.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise ProbeError(f"The system's Python code gave no answer: {asked.stderr.strip()[-500:]}", "it does not import") from None
    return answer
