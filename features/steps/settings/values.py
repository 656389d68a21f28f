"""Steps that choose values for every variable, and that start an API and a consumer with them."""

from collections.abc import Callable, Iterator, Mapping

import pytest
from pytest_bdd import given, parsers, then, when

from features.support.settings_trial import Trial, Watches
from validation.core.settings import RunSettings
from validation.core.waiting import eventually
from validation.probes.running.clients import IdleConnection, kept_open, reaches
from validation.probes.running.http import Answer
from validation.probes.running.sockets import LOOPBACK_IPV6, has_ipv6, listening_ports, serving_processes
from validation.probes.source import documents, markdown
from validation.record.observe import Observe

REFERENCE = "docs/reference/configuration.md"
UNSET = "-"
GIVEN_BY_TRIAL = {"(own)", "(another)"}
SOME_SECONDS = 8.0
START_SECONDS = 15.0
"""A second process of the API may still be starting."""
CONNECTIONS, OK = 24, 200
TIMER_SECONDS = 2.5
"""How much later than announced a connection may be closed, on a busy machine."""
IPV4 = ("127.0.0.1", "127.0.0.2")


@given(parsers.parse("set {number} of these values"), target_fixture="chosen")
def chosen_values(number: str, datatable: list[list[str]]) -> dict[str, dict[str, str]]:
    """Return the variables of each set; a dash leaves one unset."""
    header, *rows = datatable
    sets = {name: {row[0]: row[column] for row in rows if row[column] != UNSET} for column, name in enumerate(header) if name.isdigit()}
    return {"all": dict.fromkeys((row[0] for row in rows), ""), "first": sets["1"], "this": sets[number]}


@then("each documented variable has a row in the table, and a value in set 1")
def documented(settings: RunSettings, chosen: Mapping[str, Mapping[str, str]], observe: Observe) -> None:
    """Compare the rows with the reference, which is generated from the settings."""
    known = {row[0].strip("`") for row in markdown.table_rows(documents.text(settings.source, REFERENCE))} - {"variable"}
    rows, first = chosen["all"], chosen["first"]
    with observe.together():
        observe("variables without a row", expected=[], observed=sorted(known - rows.keys()), remedy="features/beyond/variables.feature")
        observe("rows of unknown variables", expected=[], observed=sorted(rows.keys() - known))
        observe("variables at their default in set 1", expected=[], observed=sorted(rows.keys() - first.keys()))


@when("an API is started with them", target_fixture="trial")
def api_started(chosen: Mapping[str, Mapping[str, str]], new_trial: Callable[[Mapping[str, str]], Trial]) -> Trial:
    trial = new_trial({name: value for name, value in chosen["this"].items() if value not in GIVEN_BY_TRIAL})
    trial.start("api")
    return trial


@then("the API listens there")
def listens(trial: Trial, observe: Observe) -> None:
    ready = trial.wait_until_ready()
    with observe.together():
        observe("/ready", expected="200", observed=ready[:200], holds=ready.startswith("200"), evidence=trial.api.output())
        observe("ports that it listens on", expected=[trial.number("API_PORT")], observed=listening_ports(trial.api.pid))


@pytest.fixture
def watches(trial: Trial) -> Iterator[Watches]:
    """Begin what takes time: a connection that idles, and the live results."""
    found = Watches(IdleConnection(trial.client()), trial.client().follow())
    found.idle.start()
    yield found
    found.idle.stop()
    found.live.close()


@then("the API listens at these addresses and no other")
def listens_at(trial: Trial, watches: Watches, observe: Observe) -> None:  # noqa: ARG001 - they begin here
    port, host = trial.number("API_PORT"), trial.value("API_HOST")
    with observe.together():
        for address in IPV4:
            observe(f"{address} responds with API_HOST={host}", expected=host in {"::", address}, observed=reaches(address, port))
        both = host == "::" and has_ipv6()  # without IPv6, all addresses are those of IPv4
        observe(f"{LOOPBACK_IPV6} responds with API_HOST={host}", expected=both, observed=reaches(LOOPBACK_IPV6, port))


@then("as many processes serve requests")
def processes_serve(trial: Trial, observe: Observe) -> None:
    port, number = trial.number("API_PORT"), trial.number("API_WORKERS")
    serving: set[int] = set()

    def look() -> int:
        with kept_open([trial.client() for _ in range(CONNECTIONS)]):
            serving.update(serving_processes(trial.api.pid, port))
        return len(serving)

    seen = eventually(look, lambda found: found >= number, within=START_SECONDS)
    observe("processes that hold connections of clients", expected=number, observed=seen.value, timed=seen.value < number,
            remedy="system/api/__main__.py")  # fmt: skip


@then("every response has HSTS, and the description is hidden, only in production")
def production(trial: Trial, observe: Observe) -> None:
    secure = trial.value("ENVIRONMENT") == "production"
    with observe.together():
        found = trial.client().send("GET", "/openapi.json")
        observe("status of /openapi.json", expected=404 if secure else 200, observed=found.status)
        if not secure:
            options = _described(found)
            observe("options in /openapi.json", expected=sorted(trial.options), observed=sorted(options))
        for path in ("/health", "/", "/nowhere", "/api/results", "/api/results/stream", "/static/app.js"):
            answer = trial.client().send("GET", path)
            observe(f"HSTS of {path}", expected=secure, observed="strict-transport-security" in answer.headers, evidence=answer.headers)


@then("a Redis that may lose votes is refused, unless its settings are assumed")
def durability(trial: Trial, observe: Observe) -> None:
    checked = trial.value("REDIS_DURABILITY") == "checked"
    with trial.unsafe_redis() as statuses:
        ready = trial.client().send("GET", "/ready")
    after = eventually(lambda: trial.client().send("GET", "/ready").status, lambda status: status == OK, within=SOME_SECONDS)
    with observe.together():
        observe("/ready with appendfsync everysec", expected=503 if checked else 200, observed=ready.status, evidence=ready)
        observe("statuses of votes with appendfsync everysec", expected=[503 if checked else 201], observed=statuses)
        observe("/ready with appendfsync always again", expected=OK, observed=after.value, evidence=after.story)


@then("an idle connection stays open as long")
def idle_connection(trial: Trial, watches: Watches, observe: Observe) -> None:
    limit, idle = trial.number("API_KEEP_ALIVE"), watches.idle
    if limit > SOME_SECONDS:
        observe("an idle connection", expected=f"open after {idle.idle_for:.1f} s", observed=idle.closed_after or "open",
                holds=idle.closed_after is None)  # fmt: skip
        return
    closed = eventually(lambda: idle.closed_after, bool, within=limit + TIMER_SECONDS).value
    observe("an idle connection was closed", expected=f"after {limit} s", observed=closed, timed=closed is None or closed > limit,
            holds=closed is not None and limit - 0.1 <= closed <= limit + TIMER_SECONDS)  # fmt: skip


def _described(found: Answer) -> list[str]:
    """Return the options in the API's description of itself."""
    body = found.json()["paths"]["/api/vote"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return [str(option) for option in body["properties"]["option"]["enum"]]
