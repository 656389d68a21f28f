"""Steps that start an API and check its health, readiness and security headers."""

import json
import re
import signal
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from pytest_bdd import parsers, then, when

from features.support.api import UNREACHABLE, probe_when_healthy
from validation.core import protocol
from validation.core.settings import RunSettings
from validation.core.waiting import eventually
from validation.probes.running.http import Answer, HttpProbe
from validation.probes.source import documents, markdown
from validation.record.observe import Observe
from validation.report.across import openapi
from validation.targets.base import Api

READY_NAMES = {"Redis": "redis", "the database": "database"}
OPERATIONS = {"POST /api/vote", "GET /api/results", "GET /health", "GET /ready"}
HEAL_SECONDS = 10.0
START_FIELDS = {
    "api_starting": frozenset({"host", "port", "version", "environment", "workers"}),
    "api_started": frozenset({"host", "port", "version"}),
}
"""Events of a start, and their documented fields."""
REFERENCE = "docs/reference/http-api.md"
OPERATION = re.compile(r"([A-Z]+(?:, [A-Z]+)*) (/\S*)")
MAX_AGE = re.compile(r"max-age=(\d+)")


@when("an API is started", target_fixture="own_api")
def api_is_started(start_api: Callable[..., Api]) -> Api:
    return start_api()


@when("an API is started for production", target_fixture="own_api")
def api_is_started_for_production(start_api: Callable[..., Api]) -> Api:
    return start_api(ENVIRONMENT="production")


@when(parsers.re("an API is started without (?P<part>Redis|the database)"), target_fixture="own_api")
def api_is_started_without(start_api: Callable[..., Api], part: str) -> Api:
    return start_api(**UNREACHABLE[part])


@then("it is ready within 5 seconds")
def ready_in_time(own_api: Api, observe: Observe) -> None:
    probe = HttpProbe(own_api.url)
    ready = eventually(lambda: probe.answers("/ready"), bool, within=protocol.API_READY_SECONDS, never=lambda _: not own_api.process.alive)
    observe(
        "/ready after the start",
        expected=f"200 within {protocol.API_READY_SECONDS:.0f} s",
        observed=f"{'200' if ready.held else 'not 200'} after {ready.seconds:.1f} s, process {_state(own_api)}",
        holds=ready.held and ready.seconds <= protocol.API_READY_SECONDS,  # its port is open before it answers: an early request waits
        evidence=own_api.process.output(),
        remedy="see the last lines of its log, or run python -m system.api",
        timed=own_api.process.alive,
    )


@then("its log reports the start, one JSON object per line")
def log_reports_start(own_api: Api, observe: Observe) -> None:
    started = own_api.process.wait_for_event("api_started", within=protocol.API_READY_SECONDS)
    lines = own_api.process.output().splitlines()
    broken = [line for line in lines if not _is_json_object(line)]
    with observe.together():
        events = [name for name in started.value if name.startswith("api_start")]
        late = own_api.process.alive and not started.held
        observe("start events", expected=["api_starting", "api_started"], observed=events, timed=late)
        observe("log lines that are not JSON objects", expected=[], observed=broken[:5], remedy="system/logs.py")
        logged = {str(one["event"]): one for one in own_api.process.events() if one.get("event") in START_FIELDS}
        for event, names in START_FIELDS.items():
            # In a container it listens on an address and a port of the container.
            known = {name: value for name, value in _started_with(own_api).items() if name in names}
            observe(
                f"fields of {event}",
                expected=known,
                observed={name: logged.get(event, {}).get(name) for name in known},
                remedy="docs/reference/programs.md",
            )


@then("its OpenAPI description lists every operation, and each with every status")
def described(own_api: Api, settings: RunSettings, observe: Observe) -> None:
    answer = HttpProbe(own_api.url).send("GET", "/openapi.json")
    settings.folder.mkdir(parents=True, exist_ok=True)
    (settings.folder / openapi.FILE).write_bytes(answer.body)  # votecheck diff compares it
    paths: dict[str, dict[str, dict[str, Any]]] = (answer.json() or {}).get("paths", {})
    found = {f"{method.upper()} {path}": one for path, methods in paths.items() for method, one in methods.items()}
    documented = dict(_documented(documents.text(settings.source, REFERENCE)))
    with observe.together():
        observe("operations missing from /openapi.json", expected=[], observed=sorted(OPERATIONS - found.keys()), evidence=answer)
        ids = {one.get("operationId", "") for one in found.values()}
        observe("distinct operation ids", expected=len(found), observed=len(ids), remedy="generated clients use them as names")
        observe(f"operations of {REFERENCE}", expected=sorted(documented), observed=sorted(found), holds=found.keys() == documented.keys()
                and bool(documented))  # fmt: skip
        for operation, statuses in documented.items():
            served = sorted(found.get(operation, {}).get("responses", {}))
            observe(f"statuses of {operation} in /openapi.json", expected=statuses, observed=served, remedy="system/api")


@then(parsers.re("it is alive but not ready, and names (?P<part>Redis|the database)"))
def alive_not_ready(own_api: Api, part: str, observe: Observe) -> None:
    probe = HttpProbe(own_api.url)
    alive = eventually(lambda: probe.answers("/health"), bool, within=protocol.API_READY_SECONDS, never=lambda _: not own_api.process.alive)
    observe(
        "/health",
        expected="200",
        observed="200" if alive.held else f"no 200, process {_state(own_api)}",
        evidence=own_api.process.output(),
        timed=own_api.process.alive,
    )
    _observe_unready(probe.send("GET", "/ready"), part, observe)


@then("SIGTERM ends it with exit code 0 within 5 seconds")
def sigterm_ends_api(own_api: Api, observe: Observe) -> None:
    own_api.process.send(signal.SIGTERM)
    ended = own_api.process.wait(within=protocol.SHUTDOWN_SECONDS)
    with observe.together():
        observe("exit code after SIGTERM", expected=0, observed=ended.value, evidence=own_api.process.output(), timed=not ended.held)
        stopped = [name for name in own_api.process.event_names() if name.startswith("api_stop")]
        observe("end in its log", expected=["api_stopped"], observed=stopped, evidence=own_api.process.output(), timed=not ended.held)


def _documented(page: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each operation that a page documents, with its statuses."""
    for title, body in markdown.sections(page, 2):
        if named := OPERATION.fullmatch(title.replace("`", "")):
            statuses = sorted(row[0] for row in markdown.table_rows(body) if row[0].isdigit())
            yield from ((f"{method} {named[2]}", statuses) for method in named[1].split(", "))


def _started_with(own_api: Api) -> dict[str, object]:
    """Return what an API with default settings says about itself when it starts."""
    known: dict[str, object] = {"version": protocol.API_VERSION, "workers": 1}
    if not own_api.process.in_container:
        known |= {"host": "127.0.0.1", "port": urlsplit(own_api.url).port, "environment": "development"}
    return known


@when(parsers.re(r"a client sends (?P<method>GET|HEAD) to (?P<path>/\S+)"), target_fixture="answer")
def client_sends(http: HttpProbe, method: str, path: str) -> Answer:
    return http.send(method, path)


@then(parsers.re("the response is 200 with (?P<body>.+)"))
def response_is(answer: Answer, body: str, observe: Observe) -> None:
    with observe.together():
        observe("status", expected=200, observed=answer.status)
        if body == "no body":
            observe("body of the response to HEAD", expected=b"", observed=answer.body)
        else:
            observe("body", expected=json.loads(body), observed=answer.json())


@then(parsers.re("/ready is 503 within 2 seconds and names (?P<part>Redis|the database|both)"))
def ready_names(http: HttpProbe, part: str, observe: Observe) -> None:
    _observe_unready(http.send("GET", "/ready"), part, observe)


@then("/health is still 200")
def health_still(http: HttpProbe, observe: Observe) -> None:
    observe("/health", expected=200, observed=http.send("GET", "/health").status)


@then("/ready is 200 again")
def ready_again(http: HttpProbe, observe: Observe) -> None:
    recovered = eventually(lambda: http.send("GET", "/ready").status, lambda status: status == 200, within=HEAL_SECONDS)  # noqa: PLR2004
    observe("/ready after the outage", expected=200, observed=recovered.value, evidence=recovered.story)


@then(parsers.parse("the response has status {status:d} and the security headers"))
def has_headers(answer: Answer, status: int, observe: Observe) -> None:
    with observe.together():
        observe("status", expected=status, observed=answer.status, evidence=answer)
        for name, allowed in protocol.HEADERS.items():
            observe(
                f"{name} on a {status}",
                expected=" or ".join(allowed),
                observed=answer.headers.get(name, "missing"),
                holds=answer.headers.get(name) in allowed,
                remedy="system/api: the headers must be added outside every middleware",
            )
        policy = _policy(answer.headers.get("content-security-policy", ""))
        for directive, value in protocol.CSP_AT_LEAST.items():
            observe(f"content-security-policy {directive} on a {status}", expected=value, observed=policy.get(directive, "missing"))
        observe(f"Server header on a {status}", expected="none", observed=answer.headers.get("server", "none"))
        observe(f"HSTS in development on a {status}", expected="none", observed=answer.headers.get("strict-transport-security", "none"))


@then("it sends HSTS with each response, and /docs and /openapi.json are 404")
def production(own_api: Api, observe: Observe) -> None:
    probe = probe_when_healthy(own_api)
    answers = {path: probe.send("GET", path) for path in ("/", "/health", "/docs", "/redoc", "/openapi.json")}
    answers["malformed HTTP"] = probe.raw(b"GET / HTTP/1.1\r\nHost: votecheck\r\nnot a header\r\n\r\n")
    with observe.together():
        for what, answer in answers.items():
            hsts = answer.headers.get("strict-transport-security", "none")
            age, parts = MAX_AGE.search(hsts), [part.strip().lower() for part in hsts.split(";")]
            observe(
                f"HSTS in production, {what}",
                expected=f"max-age of at least {protocol.HSTS_SECONDS_AT_LEAST}, and includeSubDomains",
                observed=hsts,
                holds=age is not None and int(age[1]) >= protocol.HSTS_SECONDS_AT_LEAST and "includesubdomains" in parts,
                remedy="system/api/headers.py",
            )
        for path in ("/docs", "/redoc", "/openapi.json"):
            observe(f"{path} in production", expected=404, observed=answers[path].status)


def _observe_unready(answer: Answer, part: str, observe: Observe) -> None:
    body = answer.json() or {}
    with observe.together():
        observe("/ready", expected=503, observed=answer.status, evidence=answer, remedy="system/api/health.py")
        observe(
            "seconds until /ready responded",
            expected=f"at most {protocol.DEGRADED_ANSWER_SECONDS}",
            observed=round(answer.seconds, 2),
            holds=answer.seconds <= protocol.DEGRADED_ANSWER_SECONDS + 0.25,
            timed=True,
            evidence="plus a quarter of a second for the connection and a busy machine",
        )
        for name, key in READY_NAMES.items():
            expected = "disconnected" if part in {name, "both"} else "connected"
            observe(f"{key} in /ready", expected=expected, observed=body.get(key), evidence=answer)


def _policy(text: str) -> dict[str, str]:
    parts = [part.strip().partition(" ") for part in text.split(";") if part.strip()]
    return {name: value.strip() for name, _, value in parts}


def _state(api: Api) -> str:
    return "running" if api.process.alive else f"exited with {api.process.exit_code}"


def _is_json_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
