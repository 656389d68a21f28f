"""Steps that read results, and that check what pages of other origins may do."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pytest_bdd import given, parsers, then, when

from features.support.api import probe_when_healthy
from features.support.own_system import counts_of
from validation.core import protocol
from validation.core.waiting import consistently, eventually
from validation.probes.running.event_stream import EventStream
from validation.probes.running.http import Answer, HttpProbe
from validation.probes.running.store import StoreProbe
from validation.record.observe import Observe
from validation.targets.base import Api, Target
from validation.targets.launching import LaunchingTarget

SCHEMA = "votecheck_staged"
FRESH_SECONDS = 5.0
NOT_MODIFIED = 304
EVENT_SECONDS, QUIET_SECONDS = 20.0, 4.0
BUSY_SECONDS = 2.0
"""Allowed for the request itself on a busy machine."""


@given(parsers.re(r"a database with (?P<cats>\d+) votes for cats and (?P<dogs>\d+) for dogs"), target_fixture="staged_api")
def staged_two(
    cats: str, dogs: str, store: StoreProbe, target: LaunchingTarget, start_api: Callable[..., Api], afterwards: Callable[..., None]
) -> Api:
    counted = {"dogs": int(dogs), "cats": int(cats)}
    return _staged({k: v for k, v in counted.items() if v}, store, target, start_api, afterwards)


@given("a database with 1 vote for cats, 2 for dogs and 7 for an option that is not offered any more", target_fixture="staged_api")
def staged_with_former(store: StoreProbe, target: LaunchingTarget, start_api: Callable[..., Api], afterwards: Callable[..., None]) -> Api:
    return _staged({"cats": 1, "dogs": 2, "birds": 7}, store, target, start_api, afterwards)


@given("a database with 1 vote for each of three options", target_fixture="staged_api")
def staged_three(store: StoreProbe, target: LaunchingTarget, start_api: Callable[..., Api], afterwards: Callable[..., None]) -> Api:
    return _staged({"a": 1, "b": 1, "c": 1}, store, target, start_api, afterwards, VOTE_OPTIONS="a,b,c")


@when("a client reads the results", target_fixture="answer")
def reads_results(staged_api: Api) -> Answer:
    return probe_when_healthy(staged_api).send("GET", "/api/results")


@when(parsers.re(r"the database then counts (?P<cats>\d+) for cats and (?P<dogs>\d+) for dogs"), target_fixture="counted")
def counts_more(cats: str, dogs: str, store: StoreProbe) -> dict[str, int]:
    counted = {"cats": int(cats), "dogs": int(dogs)}
    store.stage_results(SCHEMA, counted)
    return counted


@when("a client reads the voters' results", target_fixture="answer")
def reads_voters_results(http: HttpProbe) -> Answer:
    return http.send("GET", "/api/results")


@then(
    parsers.re(
        r"the results are (?P<cats>\d+) \((?P<percent_cats>[\d.]+) %\) and (?P<dogs>\d+) \((?P<percent_dogs>[\d.]+) %\), "
        "in the order of the options"
    )
)
def results_are(answer: Answer, cats: str, dogs: str, percent_cats: str, percent_dogs: str, observe: Observe) -> None:
    expected = [
        {"option": "cats", "count": int(cats), "percentage": float(percent_cats)},
        {"option": "dogs", "count": int(dogs), "percentage": float(percent_dogs)},
    ]
    body = answer.json() or {}
    with observe.together():
        observe("status", expected=200, observed=answer.status, evidence=answer)
        observe("fields of the response", expected=["last_updated", "results", "total_votes"], observed=sorted(body))
        observe("results", expected=expected, observed=body.get("results"), remedy="system/api/results.py")
        observe("total_votes", expected=int(cats) + int(dogs), observed=body.get("total_votes"))


@then("the percentages add up to exactly 100, each within 0.01 of its share")
def add_up(answer: Answer, observe: Observe) -> None:
    rows: list[dict[str, Any]] = (answer.json() or {}).get("results", [])
    hundredths = [round(float(row["percentage"]) * 100) for row in rows]
    total = sum(row["count"] for row in rows)
    with observe.together():
        observe("options in the results", expected=3, observed=len(rows), evidence=answer)
        observe("sum of the percentages, in hundredths", expected=10_000, observed=sum(hundredths), evidence=rows)
        far = [row for row, shown in zip(rows, hundredths, strict=True) if abs(shown - 10_000 * row["count"] / total) > 1]
        observe("percentages more than 0.01 from their share", expected=[], observed=far)


@then("the results may be cached for 2 seconds and are at most 5 seconds old")
def cacheable(answer: Answer, observe: Observe) -> None:
    stamp = _stamp(answer)
    with observe.together():
        observe("status", expected=200, observed=answer.status, evidence=answer)
        expected = f"public, max-age={protocol.RESULTS_MAX_AGE_SECONDS}"
        observe("Cache-Control", expected=expected, observed=answer.headers.get("cache-control"), remedy="system/api/results.py")
        observe("last_updated", expected=f"a UTC time at most {FRESH_SECONDS:.0f} s ago", observed=stamp, holds=_fresh(stamp))


@then("the results show that once 2 seconds have passed, and when they were read")
def refreshed(answer: Answer, staged_api: Api, counted: dict[str, int], observe: Observe) -> None:
    first, http = _stamp(answer), HttpProbe(staged_api.url)
    within = protocol.RESULTS_MAX_AGE_SECONDS + BUSY_SECONDS

    def read() -> tuple[dict[str, int], bool]:
        later = http.send("GET", "/api/results")
        return counts_of(later.json()), _stamp(later) not in ("", first)

    again = eventually(read, lambda seen: seen == (counted, True), within=within)
    observe(
        "counts of a later response, and whether its last_updated is another",
        expected=f"{counted} and True, within {within:g} s",
        observed=again.value,
        holds=bool(first) and again.held,
        evidence=again.story,
        remedy="FRESH_SECONDS in system/api/results.py",
    )


@then("a client that sends their ETag gets 304 and no body, until the counts change")
def unchanged_until_they_change(answer: Answer, staged_api: Api, store: StoreProbe, observe: Observe) -> None:
    http, headers = HttpProbe(staged_api.url), {"If-None-Match": answer.headers.get("etag", "")}
    again = http.send("GET", "/api/results", headers=headers)
    changed = {"cats": 3, "dogs": 1}
    store.stage_results(SCHEMA, changed)
    within = protocol.RESULTS_MAX_AGE_SECONDS + BUSY_SECONDS
    later = eventually(
        lambda: counts_of(http.send("GET", "/api/results", headers=headers).json()), lambda counts: counts == changed, within=within
    )
    with observe.together():
        observe("ETag", expected="one", observed=headers["If-None-Match"], holds=bool(headers["If-None-Match"]), evidence=answer)
        observe("status with the ETag", expected=NOT_MODIFIED, observed=again.status, evidence=again)
        observe("body with the ETag", expected=b"", observed=again.body)
        observe("ETag of that response", expected=headers["If-None-Match"], observed=again.headers.get("etag"))
        observe("counts with the ETag after a change", expected=changed, observed=later.value, evidence=later.story,
                remedy="Snapshot.version in system/api/results.py")  # fmt: skip


@then("an API with the same counts for other options does not answer that ETag with 304")
def other_options(answer: Answer, target: LaunchingTarget, store: StoreProbe, start_api: Callable[..., Api], observe: Observe) -> None:
    store.stage_results(SCHEMA, {"cats": 1, "dogs": 1})
    other = start_api(DATABASE_URL=f"{target.database.url}?search_path={SCHEMA}", VOTE_OPTIONS="dogs,cats")
    told = probe_when_healthy(other).send("GET", "/api/results", headers={"If-None-Match": answer.headers.get("etag", "")})
    with observe.together():
        observe("status with the ETag of other options", expected=200, observed=told.status, evidence=told)
        observe("options", expected=["dogs", "cats"], observed=[*counts_of(told.json())])


@then("another API with these options answers their ETag with 304", target_fixture="other_api")
def same_tag(answer: Answer, target: LaunchingTarget, start_api: Callable[..., Api], observe: Observe) -> Api:
    other = start_api(DATABASE_URL=f"{target.database.url}?search_path={SCHEMA}")
    told = probe_when_healthy(other).send("GET", "/api/results", headers={"If-None-Match": answer.headers.get("etag", "")})
    observe("status with the ETag of another API", expected=NOT_MODIFIED, observed=told.status, evidence=[answer, told],
            remedy="Snapshot.version in system/api/results.py")  # fmt: skip
    return other


@then("a page that connects again, to the other API, gets no event until the counts change")
def same_event(staged_api: Api, other_api: Api, store: StoreProbe, afterwards: Callable[..., None], observe: Observe) -> None:
    def follow(api: Api, headers: dict[str, str]) -> EventStream:
        page = EventStream(f"{api.url}/api/results/stream", headers)
        afterwards(page.close)
        page.start()
        page.wait_for_response()
        return page

    first = follow(staged_api, {})
    seen = eventually(lambda: [event.identifier for event in first.events], bool, within=EVENT_SECONDS)
    again = follow(other_api, {"Last-Event-ID": "".join(seen.value[-1:])})
    repeated = consistently(lambda: [event.data for event in again.events], lambda events: not events, during=QUIET_SECONDS)
    changed = {"cats": 2, "dogs": 1}
    store.stage_results(SCHEMA, changed)
    told = eventually(lambda: [counts_of(event.data) for event in again.events], lambda events: changed in events, within=EVENT_SECONDS)
    with observe.together():
        observe("events of the first API", expected="one with an id", observed=seen.value, holds=bool(seen.value and seen.value[-1]))
        observe("events of the other API for a page that has seen these counts", expected=[], observed=repeated.value,
                remedy="Snapshot.version in system/api/results.py")  # fmt: skip
        observe("counts of the last event after a change", expected=changed, observed=told.value[-1] if told.value else None,
                evidence=told.story)  # fmt: skip


@when(parsers.re(r"a browser at (?P<origin>\S+) asks whether it may vote"), target_fixture="answer")
def preflight(http: HttpProbe, origin: str) -> Answer:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type, idempotency-key"}
    return http.send("OPTIONS", "/api/vote", headers=headers)


@then("the preflight allows the published methods and headers for 600 seconds")
def preflight_allows(answer: Answer, system: Target, observe: Observe) -> None:
    system.require_allowed_origin("https://vote.example")
    head = answer.headers
    with observe.together():
        observe("status", expected="200 or 204", observed=answer.status, holds=answer.status in (200, 204), evidence=answer)
        observe("Access-Control-Allow-Origin", expected="https://vote.example", observed=head.get("access-control-allow-origin"))
        observe("Access-Control-Allow-Methods", expected=set(protocol.CORS_METHODS), observed=_names(head, "methods", str.upper))
        allowed = _names(head, "headers", str.lower)
        observe("Access-Control-Allow-Headers", expected=f"at least {sorted(protocol.CORS_HEADERS)}", observed=sorted(allowed),
                holds=allowed >= protocol.CORS_HEADERS and "*" not in allowed)  # fmt: skip
        observe("Access-Control-Max-Age", expected=str(protocol.CORS_MAX_AGE_SECONDS), observed=head.get("access-control-max-age"))
        observe("Vary", expected="contains Origin", observed=head.get("vary", ""), holds="origin" in head.get("vary", "").lower())


@then("the preflight allows nothing")
def preflight_allows_nothing(answer: Answer, observe: Observe) -> None:
    _observe_no_rules(answer, observe)


@when(parsers.re(r"a page at (?P<origin>\S+) reads the results"), target_fixture="answer")
def page_reads(origin: str, http: HttpProbe) -> Answer:
    return http.send("GET", "/api/results", headers={"Origin": origin})


@then("the response allows https://vote.example")
def allows_origin(answer: Answer, system: Target, observe: Observe) -> None:
    system.require_allowed_origin("https://vote.example")
    with observe.together():
        observe("status", expected=200, observed=answer.status)
        observe("Access-Control-Allow-Origin", expected="https://vote.example", observed=answer.headers.get("access-control-allow-origin"))
        exposed = {name.strip().lower() for name in answer.headers.get("access-control-expose-headers", "").split(",")}
        observe("Access-Control-Expose-Headers", expected=["retry-after", "x-request-id"], observed=sorted(exposed))
        _observe_varies(answer, observe)


@then("the response allows no origin")
def no_origin(answer: Answer, observe: Observe) -> None:
    with observe.together():
        observe("status", expected=200, observed=answer.status)
        _observe_no_rules(answer, observe)
        _observe_varies(answer, observe)


def _observe_varies(answer: Answer, observe: Observe) -> None:
    """Record that a cache must not hand this response to a page of another origin."""
    varies = {name.strip().lower() for name in answer.headers.get("vary", "").split(",")}
    observe("Vary", expected="contains Origin", observed=sorted(varies), holds="origin" in varies, remedy="system/api/cors.py")


def _observe_no_rules(answer: Answer, observe: Observe) -> None:
    observe("headers of the response", expected="some", observed=len(answer.headers), holds=bool(answer.headers))
    rules = {name: value for name, value in answer.headers.items() if name.lower().startswith("access-control-")}
    observe("Access-Control headers for an origin that is not allowed", expected={}, observed=rules, remedy="system/api/cors.py")


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
