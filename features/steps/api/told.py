"""Steps that look for marked clients and their votes in what others are told."""

import re
from datetime import datetime
from itertools import pairwise

from pytest_bdd import then

from features.support.apart import OPTIONS
from features.support.marked import traces
from features.support.walk import Walk, distinct_fields
from validation.core.collections import every
from validation.core.settings import RunSettings
from validation.core.waiting import eventually
from validation.probes.running.http import HttpProbe
from validation.probes.source import documents, markdown
from validation.record.observe import Observe

RECEIPTS = (
    "/api/vote",
    "/api/vote/{}",
    "/api/votes",
    "/api/choice/{}",
    "/api/receipt/{}",
    "/api/receipts/{}",
    "/static/%2e%2e/app.py",
    "/api/vote?vote_id={}",
    "/vote/{}",
)
SHOWN_SECONDS = 10.0
APART_SECONDS = 1.5
"""Results say when they were read. Reads begin two seconds apart, and on a busy machine one takes longer than the next."""
SCRIPTS = ("app.js", "vote.js", "results.js")
LABEL = re.compile(r'(\w+)="([^"]*)"')
STORAGE = re.compile(
    rb"localStorage|sessionStorage|indexedDB|document\.cookie|cookieStore|caches\.|sendBeacon|history\.|location\b|WebSocket|//\w"
    rb"|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function"
)


@then("nothing that others are told names a client or its vote")
def not_told(walk: Walk, settings: RunSettings, observe: Observe) -> None:
    http = walk.apart.http
    observer = {"X-Forwarded-For": "203.0.113.9"}
    routes = ("/", "/static/app.js", "/health", "/ready", "/metrics", "/openapi.json", "/api/results")
    told = {path: http.send("GET", path, headers=observer if path.startswith("/api") else {}) for path in routes}
    metrics = HttpProbe(f"http://127.0.0.1:{walk.consumer.env['METRICS_PORT']}").send("GET", "/metrics")
    vote_ids = walk.vote_ids
    receipts = {path: http.send("GET", path.format(vote_ids[0]), headers={"X-Forwarded-For": f"203.0.113.{20 + number}"}).status
                for number, path in enumerate(RECEIPTS)}  # fmt: skip
    described = set((told["/openapi.json"].json() or {}).get("paths", {}))
    documented = {path for title, _ in markdown.sections(documents.text(settings.source, "docs/reference/http-api.md"), 2)
                  if title.startswith(("GET", "POST")) for path in [title.split()[-1]]}  # fmt: skip
    labels = {pair for page in (told["/metrics"], metrics) for pair in LABEL.findall(page.body.decode()) if pair[0] != "le"}
    allowed = {"route": documented | {"unmatched", "/static"}, "option": set(OPTIONS), "server": {"redis", "postgresql"}}
    unknown = sorted(pair for pair in labels if pair[1] not in allowed.get(pair[0], ()) and not (pair[0] == "status" and pair[1].isdigit()))
    with observe.together():
        for path, answer in (told | {"the consumer's /metrics": metrics}).items():
            there = traces(answer.body, walk.clients) + [one for one in vote_ids if one in answer.body.decode(errors="replace")]
            observe(f"status of {path}", expected=200, observed=answer.status)
            observe(f"clients and vote ids in {path}", expected=[], observed=there[:3])
        observe("routes in the API's own description", expected=sorted(documented), observed=sorted(described))
        observe("status where a receipt could be", expected=dict.fromkeys(RECEIPTS, 404) | {"/api/vote": 405, "/api/vote?vote_id={}": 405},
                observed=receipts)  # fmt: skip
        observe("labels of metrics that are not documented", expected=[], observed=unknown)
        observe("labels of metrics", expected="some", observed=len(labels), holds=bool(labels))
        observe("exemplars", expected=[], observed=[line for line in told["/metrics"].body.decode().splitlines() if " # {" in line])


@then("live results hold sums, and change at most once in two seconds")
def live_sums(walk: Walk, observe: Observe) -> None:
    eventually(lambda: walk.live.events, lambda events: len(events) > 1, within=SHOWN_SECONDS)
    read = [datetime.fromisoformat(event.data["last_updated"]) for event in walk.live.events]
    gaps = [(after - before).total_seconds() for before, after in pairwise(read)]
    events = [event.data for event in walk.live.everything if event.data is not None]
    with observe.together():
        observe("events", expected="at least two", observed=len(read), holds=len(read) > 1)
        observe("seconds between changes", expected=f"at least {APART_SECONDS}", observed=gaps, holds=min(gaps, default=0) >= APART_SECONDS,
                remedy="FRESH_SECONDS in system/api/results.py")  # fmt: skip
        fields = distinct_fields(events)
        allowed = [["detail"], ["last_updated"], ["last_updated", "results", "total_votes"]]
        observe("fields of events", expected=f"some of {allowed}", observed=fields, holds=every(one in allowed for one in fields))
        observe("fields of an option", expected=[["count", "option", "percentage"]],
                observed=distinct_fields([row for data in events for row in data.get("results", [])]))  # fmt: skip


@then("no metric shows when an option was first voted for")
def no_first_vote(walk: Walk, observe: Observe) -> None:
    page = walk.apart.http.send("GET", "/metrics").body.decode()
    since = {name: float(value) for name, value in re.findall(r'^api_votes_accepted_created\{option="(\w+)"\} (\S+)$', page, re.MULTILINE)}
    spread = max(since.values(), default=0) - min(since.values(), default=0)
    observe("seconds between the beginnings of the options' counters", expected="less than 0.05", observed=spread, holds=spread < 0.05,  # noqa: PLR2004
            evidence=since, remedy="create every option's counter at the start")  # fmt: skip


@then("the page keeps nothing in the browser but its own vote, loads nothing from elsewhere and writes no HTML")
def page_keeps_its_vote(walk: Walk, observe: Observe) -> None:
    paths = ("/", *(f"/static/{name}" for name in SCRIPTS))
    bodies = {
        path: walk.apart.http.send("GET", path, headers={"X-Forwarded-For": f"203.0.114.{number}"}).body
        for number, path in enumerate(paths)
    }
    scripts = b"\n".join(body for path, body in bodies.items() if path != "/")
    with observe.together():
        observe("pages and scripts without content", expected=[], observed=[path for path, body in bodies.items() if not body])
        found = STORAGE.findall(bodies["/"]) + STORAGE.findall(re.sub(rb"(?m)//.*$|https?", b"", scripts))
        observe("storage, addresses and beacons in page and scripts", expected=[b"localStorage"] * 3, observed=found)
        observe(
            "scripts that the page or another script loads",
            expected=sorted(SCRIPTS),
            observed=sorted({name.decode() for name in re.findall(rb"""(?:/static/|from "\./)(\w+\.js)""", b"\n".join(bodies.values()))}),
        )
        urls = sorted(set(re.findall(r"""(?:fetch|ask)\(([^,)]+?)[,)]|EventSource\((.+?)\)""", scripts.decode())))
        observe(
            "URLs that the scripts ask for",
            observed=urls,
            expected=[
                ("", '"/api/results/stream"'),
                ('"/api/results"', ""),
                ('"/api/vote"', ""),
                ("`/api/votes/${vote.id}`", ""),
                ("path", ""),
            ],
        )
