"""Steps that compare metrics and logs with what happened."""

import re
import time
from collections.abc import Callable
from typing import Any

from pytest_bdd import given, parsers, then, when

from features.support.api import UNREACHABLE
from features.support.consumers import Running, metrics_of, metrics_probe, observe_backlog
from features.support.streams import OwnStream, new_own_stream
from validation.core.collections import every
from validation.core.settings import RunSettings
from validation.core.waiting import Waited, eventually
from validation.probes.running.http import Answer, HttpProbe
from validation.probes.running.metrics import parsed
from validation.probes.running.stream import StreamProbe
from validation.probes.source import documents, markdown
from validation.record.observe import Observe
from validation.targets.base import Api
from validation.targets.launching import LaunchingTarget
from validation.targets.ports import free_port

METRIC = re.compile(r"`(votes?_\w+)")
NAME = re.compile(r"`(\w+)`")
GUARANTEES, REFERENCE = "docs/explanation/guarantees.md", "docs/reference/metrics.md"
WITHIN = 20.0
OLD_MS = 60_000


@given(
    parsers.re(
        r"a new stream with (?P<old>\d+) votes from a minute ago and (?P<new>\d+) new ones, the first of these (?P<times>\d+) times"
    ),
    target_fixture="own",
)
def stream_of_two_ages(
    old: str, new: str, times: str, target: LaunchingTarget, stream: StreamProbe, afterwards: Callable[..., None]
) -> OwnStream:
    own = new_own_stream(target, stream, afterwards, 0)
    minute_ago = time.time_ns() // 1_000_000 - OLD_MS
    own.add_under(stream, [f"{minute_ago}-{number}" for number in range(int(old))])
    own.add(stream, int(new), first_times=int(times))
    return own


@when("a consumer with metrics is started on it", target_fixture="running")
def with_metrics(start_consumer: Callable[..., Running], own: OwnStream) -> Running:
    return start_consumer(**own.env, METRICS_PORT=str(free_port()))


@when("a consumer with metrics is started on it without the database", target_fixture="running")
def with_metrics_without_database(start_consumer: Callable[..., Running], own: OwnStream) -> Running:
    patient = own.env | {"CLAIM_IDLE_MS": "600000", "BATCH_SIZE": "10"}
    return start_consumer(**patient, **UNREACHABLE["the database"], METRICS_PORT=str(free_port()))


@then("its metrics match the stream: pending entries, lag and age of the oldest entry")
def backlog_matches(running: Running, own: OwnStream, stream: StreamProbe, observe: Observe) -> None:
    observe_backlog([running], own, stream, observe)


@then(
    parsers.re(
        r"its metrics show (?P<counted>\d+) counted, (?P<again>\d+) duplicates, "
        r"(?P<dead>\d+) dead letter, (?P<claimed>\d+) claimed and an empty backlog"
    )
)
def work_matches(running: Running, counted: str, again: str, dead: str, claimed: str, observe: Observe) -> None:
    expected = {
        "votes_counted_total": float(counted),
        "votes_duplicate_total": float(again),
        "votes_dead_lettered_total": float(dead),
        "votes_lost_total": 0.0,
        "vote_lag_entries": 0.0,
        "vote_pending_entries": 0.0,
        "vote_oldest_seconds": 0.0,
    }
    seen: Waited[dict[str, float]] = eventually(lambda: metrics_of(running), lambda m: expected.items() <= m.items(), within=WITHIN)
    claims = seen.value.get("votes_claimed_total", -1.0)
    with observe.together():
        for name, value in expected.items():
            observe(name, expected=value, observed=seen.value.get(name), remedy="system/consumer/metrics.py")
        observe("votes_claimed_total", expected=f"at least {claimed}", observed=claims, holds=claims >= float(claimed))


@then("it serves every documented consumer metric")
def serves_documented(running: Running, settings: RunSettings, observe: Observe) -> None:
    page = documents.text(settings.source, GUARANTEES)
    documented = {name for row in markdown.table_rows(page) if METRIC.match(row[0]) for name in METRIC.findall(row[0])}
    with observe.together():
        observe(f"metrics in {GUARANTEES}", expected="some", observed=len(documented), holds=bool(documented))
        _observe_served(documented | _documented("Consumer", settings, observe), _served(metrics_probe(running)), "consumer", observe)


@then("it serves every documented metric of the API")
def api_serves_documented(own_api: Api, settings: RunSettings, observe: Observe) -> None:
    with observe.together():
        _observe_served(_documented("API", settings, observe), _served(HttpProbe(own_api.url)), "api", observe)


@when('a client sends it a vote for "birds"', target_fixture="refusal")
def votes_for_birds(own_api: Api) -> Answer:
    return HttpProbe(own_api.url).vote("birds")


@then("its log has one line with the request id, which describes the request and the response")
def request_is_logged(own_api: Api, refusal: Answer, observe: Observe) -> None:
    identity = refusal.headers.get("x-request-id", "none")

    def lines() -> list[dict[str, Any]]:
        return [event for event in own_api.process.events() if event.get("request_id") == identity]

    logged = eventually(lines, bool, within=WITHIN).value
    seconds = [float(line.get("ms", -1)) / 1000 for line in logged]
    expected = {"method": "POST", "route": "/api/vote", "status": 422}
    with observe.together():
        observe("lines of the log", expected=[expected], observed=[{name: line.get(name) for name in expected} for line in logged])
        limits = f"more than 0, and at most {refusal.seconds:.3f}"
        observe(
            "duration in the log, seconds", expected=limits, observed=seconds, holds=every(0 < one <= refusal.seconds for one in seconds)
        )


@then("its metrics count the request")
def request_is_counted(own_api: Api, observe: Observe) -> None:
    served = _served(HttpProbe(own_api.url))
    of_votes = {name: value for name, value in parsed(served).items() if 'route="/api/vote"' in name}
    with observe.together():
        for metric in ("api_requests_total", "api_request_seconds_count"):
            counted = [value for name, value in of_votes.items() if name.startswith(f"{metric}{{")]
            observe(f"{metric} of /api/vote", expected=[1.0], observed=counted, evidence=served, remedy="system/api/request_log.py")


def _documented(section: str, settings: RunSettings, observe: Observe) -> set[str]:
    """Return the metrics that the reference documents for a part."""
    body = dict(markdown.sections(documents.text(settings.source, REFERENCE), 2)).get(section, "")
    names = {found[1] for row in markdown.table_rows(body) if (found := NAME.fullmatch(row[0]))}
    observe(f"metrics under {section} in {REFERENCE}", expected="some", observed=len(names), holds=bool(names))
    return names


def _observe_served(documented: set[str], page: str, part: str, observe: Observe) -> None:
    served = {name.removesuffix("_total") for name in re.findall(r"^# TYPE (\S+)", page, re.MULTILINE)}
    missing = sorted(name for name in documented if name.removesuffix("_total") not in served)
    observe(f"documented metrics that the {part} does not serve", expected=[], observed=missing, evidence=page,
            remedy=f"system/{part}/metrics.py")  # fmt: skip


def _served(probe: HttpProbe) -> str:
    return probe.send("GET", "/metrics").body.decode()
