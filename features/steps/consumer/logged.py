"""Steps that compare the lines of a log with the documented table of its events."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pytest_bdd import parsers, then

from features.support.logged import API, CONSUMER, LOGGED_SECONDS, Log, passwords
from features.support.paths import LEFT
from features.support.walk import Walk
from validation.core.settings import RunSettings
from validation.core.waiting import eventually
from validation.record.observe import Observe

NAMES = re.compile(r", | and ")
REFUSED = 503
SERVER_AWAY = ("redis_unavailable", "postgres_unavailable")
OF_DATABASE = ("/api/results", "/api/votes/")
STREAM_OF_SETTINGS = {"STREAM_NAME": "stream", "CONSUMER_GROUP": "group"}
WHOSE: dict[str, Callable[[pytest.FixtureRequest], Any]] = {
    "its": lambda request: request.getfixturevalue("running"),
    "the first consumer's": lambda request: request.getfixturevalue("restricted")[1],
    "their consumer's": lambda request: request.getfixturevalue("gauges").running,
}
"""The consumers that a scenario may speak of."""


@then(parsers.re(rf"(?P<whose>{'|'.join(WHOSE)}) log has (?P<events>\w.+) as documented"))
def log_as_documented(request: pytest.FixtureRequest, settings: RunSettings, whose: str, events: str, observe: Observe) -> None:
    running = WHOSE[whose](request)
    with observe.together():
        Log(running.child, CONSUMER, _known(running.env), settings.source).observe(NAMES.split(events), observe)


@then("both logs have these events as documented")
def both_logs(walk: Walk, settings: RunSettings, datatable: list[list[str]], observe: Observe) -> None:
    children = {API: walk.apart.api.process, CONSUMER: walk.consumer}
    with observe.together():
        for part, events in datatable[1:]:
            Log(children[part], part, {}, settings.source).observe(events.split(), observe)
        _observe_refusals(walk, observe)


@then(parsers.parse("the line about each client that left within its body has status {status:d}"))
def left_within_body(walk: Walk, status: int, observe: Observe) -> None:
    left = {one.client.request_id for one in walk.sent if one.path == LEFT}

    def statuses() -> list[object]:
        return [line.get("status") for line in walk.apart.api.process.events() if line.get("request_id") in left]

    seen = eventually(statuses, lambda found: len(found) >= len(left), within=LOGGED_SECONDS)
    with observe.together():
        observe("clients that left within their body", expected="some", observed=len(left), holds=bool(left))
        observe("statuses in the lines about them", expected=[status] * len(left), observed=seen.value, evidence=seen.story,
                remedy="NO_RESPONSE in system/api/request_log.py")  # fmt: skip


@then("no line of its log has a password")
def no_password(request: pytest.FixtureRequest, observe: Observe) -> None:
    running = WHOSE["its"](request)
    hidden, output = passwords(running.env), running.child.output()
    with observe.together():
        observe("passwords that it was given", expected="some", observed=len(hidden), holds=bool(hidden))
        observe("lines of its log", expected="some", observed=len(output.splitlines()), holds=bool(output))
        naming = [line for line in output.splitlines() if any(password in line for password in hidden)]
        observe("lines of its log with a password", expected=[], observed=naming[:3], remedy="system/consumer/__main__.py")


def _observe_refusals(walk: Walk, observe: Observe) -> None:
    """Record whether each 503 has a line that says which server was away."""
    lines = walk.apart.api.process.events()
    refused = Counter(_server(line) for line in lines if line.get("event") == "request" and line.get("status") == REFUSED)
    told = Counter(str(line.get("event")) for line in lines)
    for event in SERVER_AWAY:
        expected = refused[event]
        observe(f"503 for {event}", expected="some", observed=expected, holds=expected > 0)
        observe(f"lines of {event} for {expected} times 503", expected=f"at least {expected}", observed=told[event],
                holds=told[event] >= expected)  # fmt: skip


def _server(line: Mapping[str, object]) -> str:
    """Return what the API logs beside a 503; only the database has results and receipts in this scenario."""
    return SERVER_AWAY[str(line.get("route")).startswith(OF_DATABASE)]


def _known(env: Mapping[str, str]) -> dict[str, str]:
    """Return the values that fields of the log must have, by the name of the field. A container has a port of its own."""
    settings = {name.lower(): value for name, value in env.items() if name != "METRICS_PORT"}
    return settings | {field: env[name] for name, field in STREAM_OF_SETTINGS.items() if name in env}
