"""Steps about results and about what other origins may do."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pytest_bdd import given, parsers, then, when

from validation.core import protocol
from validation.core.waiting import eventually
from validation.probes.running.http import Answer, HttpProbe
from validation.probes.running.store import StoreProbe
from validation.record.observe import Observe
from validation.targets.base import Api, Target
from validation.targets.launching import READY_SECONDS, LaunchingTarget

SCHEMA = "votecheck_staged"
FRESH_SECONDS = 5.0
BUSY_SECONDS = 2.0
"""Allowed for the reading itself on a busy machine."""


@given(parsers.re(r"a database that has counted (?P<cats>\d+) for cats and (?P<dogs>\d+) for dogs"), target_fixture="staged_api")
def staged_two(
    cats: str, dogs: str, store: StoreProbe, target: LaunchingTarget, start_api: Callable[..., Api], afterwards: Callable[..., None]
) -> Api:
    counted = {"dogs": int(dogs), "cats": int(cats)}
    return _staged({k: v for k, v in counted.items() if v}, store, target, start_api, afterwards)


@given("a database that has counted 1 for each of three options", target_fixture="staged_api")
def staged_three(store: StoreProbe, target: LaunchingTarget, start_api: Callable[..., Api], afterwards: Callable[..., None]) -> Api:
    return _staged({"a": 1, "b": 1, "c": 1}, store, target, start_api, afterwards, VOTE_OPTIONS="a,b,c")


@when("a client reads the results", target_fixture="answer")
def reads_results(staged_api: Api) -> Answer:
    probe = HttpProbe(staged_api.url)
    eventually(lambda: probe.answers("/health"), bool, within=READY_SECONDS)
    return probe.send("GET", "/api/results")


@when("a client reads the results of the voters' API", target_fixture="answer")
def reads_real_results(http: HttpProbe) -> Answer:
    return http.send("GET", "/api/results")


@then(
    parsers.re(
        r"they show (?P<cats>\d+) and (?P<dogs>\d+) with (?P<percent_cats>[\d.]+) and (?P<percent_dogs>[\d.]+) percent, "
        "in the order of the options"
    )
)
def shows(answer: Answer, cats: str, dogs: str, percent_cats: str, percent_dogs: str, observe: Observe) -> None:
    expected = [
        {"option": "cats", "count": int(cats), "percentage": float(percent_cats)},
        {"option": "dogs", "count": int(dogs), "percentage": float(percent_dogs)},
    ]
    body = answer.json() or {}
    with observe.together():
        observe("status", expected=200, observed=answer.status, evidence=str(answer))
        observe("fields of the answer", expected=["last_updated", "results", "total_votes"], observed=sorted(body))
        observe("results", expected=expected, observed=body.get("results"), remedy="system/api/results.py")
        observe("total_votes", expected=int(cats) + int(dogs), observed=body.get("total_votes"))


@then("the percentages sum to exactly 100 and none is more than 0.01 away from its share")
def sums_to_hundred(answer: Answer, observe: Observe) -> None:
    rows: list[dict[str, Any]] = (answer.json() or {}).get("results", [])
    hundredths = [round(float(row["percentage"]) * 100) for row in rows]
    total = sum(row["count"] for row in rows)
    with observe.together():
        observe("number of options", expected=3, observed=len(rows), evidence=str(answer))
        observe("sum of the percentages, in hundredths", expected=10_000, observed=sum(hundredths), evidence=str(rows))
        far = [row for row, shown in zip(rows, hundredths, strict=True) if abs(shown - 10_000 * row["count"] / total) > 1]
        observe("percentages more than 0.01 away from their share", expected=[], observed=far)


@then("they may be kept for 2 seconds, and were read in the last 5")
def cacheable(answer: Answer, observe: Observe) -> None:
    stamp = _stamp(answer)
    with observe.together():
        observe("status", expected=200, observed=answer.status, evidence=str(answer))
        expected = f"public, max-age={protocol.RESULTS_MAX_AGE_SECONDS}"
        observe("Cache-Control", expected=expected, observed=answer.headers.get("cache-control"), remedy="system/api/results.py")
        observe("last_updated", expected=f"a UTC time, at most {FRESH_SECONDS:.0f} s old", observed=stamp, holds=_fresh(stamp))


@then("they are read anew once their 2 seconds are over")
def read_anew(answer: Answer, http: HttpProbe, observe: Observe) -> None:
    first = _stamp(answer)
    within = protocol.RESULTS_MAX_AGE_SECONDS + BUSY_SECONDS
    again = eventually(lambda: _stamp(http.send("GET", "/api/results")), lambda stamp: stamp not in ("", first), within=within)
    observe(
        "last_updated of a later answer",
        expected=f"another than {first}, within {within:g} s",
        observed=again.value,
        holds=bool(first) and again.held,
        evidence=again.story,
        remedy="FRESH_SECONDS in system/api/results.py",
    )


@when(parsers.re(r"a browser at (?P<origin>\S+) asks whether it may vote"), target_fixture="answer")
def browser_asks(http: HttpProbe, origin: str) -> Answer:
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type, idempotency-key"}
    return http.send("OPTIONS", "/api/vote", headers=asked)


@then("it may, with the published methods and headers, for 600 seconds")
def browser_may(answer: Answer, system: Target, observe: Observe) -> None:
    system.require_allowed_origin("https://vote.example")
    head = answer.headers
    with observe.together():
        observe("status", expected="200 or 204", observed=answer.status, holds=answer.status in (200, 204), evidence=str(answer))
        observe("Access-Control-Allow-Origin", expected="https://vote.example", observed=head.get("access-control-allow-origin"))
        observe("Access-Control-Allow-Methods", expected=set(protocol.CORS_METHODS), observed=_names(head, "methods", str.upper))
        allowed = _names(head, "headers", str.lower)
        observe("Access-Control-Allow-Headers", expected=f"at least {sorted(protocol.CORS_HEADERS)}", observed=sorted(allowed),
                holds=allowed >= protocol.CORS_HEADERS and "*" not in allowed)  # fmt: skip
        observe("Access-Control-Max-Age", expected=str(protocol.CORS_MAX_AGE_SECONDS), observed=head.get("access-control-max-age"))
        observe("Vary", expected="names Origin", observed=head.get("vary", ""), holds="origin" in head.get("vary", "").lower())


@then("it is told nothing")
def browser_may_not(answer: Answer, observe: Observe) -> None:
    told = {name: value for name, value in answer.headers.items() if name.lower().startswith("access-control-")}
    observe("what a foreign origin is told", expected={}, observed=told, remedy="system/api/cors.py")


@when("a page at https://evil.example reads the results", target_fixture="answer")
def foreign_page_reads(http: HttpProbe) -> Answer:
    return http.send("GET", "/api/results", headers={"Origin": "https://evil.example"})


@then("the answer allows no origin")
def no_origin(answer: Answer, observe: Observe) -> None:
    with observe.together():
        observe("status", expected=200, observed=answer.status)
        observe("Access-Control-Allow-Origin", expected="none", observed=answer.headers.get("access-control-allow-origin", "none"))


def _staged(
    counts: dict[str, int],
    store: StoreProbe,
    target: LaunchingTarget,
    start_api: Callable[..., Api],
    afterwards: Callable[..., None],
    **env: str,
) -> Api:
    target.database.require_managed()
    store.stage_results(SCHEMA, counts)
    afterwards(lambda: store.drop(SCHEMA))
    return start_api(DATABASE_URL=f"{target.database.url}?search_path={SCHEMA}", **env)


def _stamp(answer: Answer) -> str:
    return str((answer.json() or {}).get("last_updated", ""))


def _fresh(stamp: str) -> bool:
    try:
        age = datetime.now(UTC) - datetime.fromisoformat(stamp)
    except (ValueError, TypeError):
        return False
    return -1 <= age.total_seconds() <= FRESH_SECONDS


def _names(head: Any, which: str, case: Callable[[str], str]) -> set[str]:
    return {case(name.strip()) for name in head.get(f"access-control-allow-{which}", "").split(",") if name.strip()}
