"""Steps that send marked clients along every path, and look for them in everything that was written or told to others."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from pytest_bdd import given, then, when

from features.support.apart import OPTIONS, ORIGIN, Apart
from features.support.marked import MarkedClient, new_mark, traces
from features.support.paths import LEFT, PATHS, REFUSED_BY_DATABASE, UNKNOWN_TO_CONSUMER, disruption
from features.support.walk import ACCEPTED, PRIVACY_PAGE, Sent, Walk, distinct_fields, without_vote_id
from validation.core import protocol
from validation.core.collections import every
from validation.core.settings import RunSettings
from validation.core.waiting import eventually
from validation.probes.running import kept
from validation.probes.running.event_stream import EventStream
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.probes.source import documents, markdown
from validation.record.observe import Observe
from validation.targets.ports import free_port
from validation.targets.process import Child

EVIL = "https://evil.example"
COUNTED_SECONDS = 25.0
OK, NOT_MODIFIED, FAILED = 200, 304, 500
REFUSAL = f"alter table vote_ledger add constraint votecheck_refusal check (option <> '{REFUSED_BY_DATABASE}') not valid"
WITHOUT_ORIGIN = ("malformed HTTP", "a client that is gone", LEFT)
"""Paths that end before the origin is known, or without a response."""
CACHED = {"results": "public, max-age=2", "results that the client has": "public, max-age=2", "the page": "private, no-cache"}
CODE = re.compile(r"`([^`]+)`")
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
REDIS_KEYS = ("votes:key:", "votes:limit:")


@given("a system of its own behind a trusted proxy, with a rate limit, which logs everything", target_fixture="walk")
def walk_on(apart: Apart, portal: Any, afterwards: Callable[..., None]) -> Walk:
    store = StoreProbe(apart.target.database.url, portal)
    store.run(REFUSAL)
    env = {"VOTE_OPTIONS": ",".join(one for one in OPTIONS if one != UNKNOWN_TO_CONSUMER), "LOG_LEVEL": "DEBUG", "MAX_RETRIES": "1"}
    consumer = apart.target.new_consumer(env | {"BLOCK_MS": "100", "CLAIM_IDLE_MS": "300", "METRICS_PORT": str(free_port())})
    consumer.start()
    afterwards(consumer.stop)
    live = EventStream(f"{apart.api.url}/api/results/stream")
    live.start()
    afterwards(live.close)
    return Walk(apart, consumer, live)


@when("marked clients of an allowed and of another origin take each of these paths")
def take_paths(walk: Walk, datatable: list[list[str]]) -> None:
    mark = new_mark()
    for path, status in datatable[1:]:
        with disruption(path, walk.apart):
            for origin in (ORIGIN, EVIL):
                client = MarkedClient(mark, len(walk.sent) + 1)
                walk.sent.append(Sent(path, int(status), client, origin, PATHS[path](walk.apart, client, {"Origin": origin})))


@then("each takes its path, and its response carries nothing of the request but its option, its request id and the key of a form")
def nothing_echoed(walk: Walk, observe: Observe) -> None:
    with observe.together():
        observe("requests", expected=f"at least {2 * len(PATHS)}", observed=len(walk.sent), holds=len(walk.sent) >= 2 * len(PATHS))
        for one in walk.sent:
            answer = one.answer
            head = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
            page = answer.headers.get("content-type", "").startswith(
                "text/html"
            )  # names every option, and goes on with the key of its form
            body = answer.body.replace(one.client.key.encode(), b"") if page else answer.body
            told = traces(json.dumps(head).encode() + body, [one.client])
            own = OPTIONS if page or answer.status == OK else [(answer.json() or {}).get("option")] if answer.status == ACCEPTED else []
            options = [name for name in OPTIONS if name.encode() in answer.body and name not in own]
            observe(f"status of {one.path}", expected=one.expected, observed=answer.status, evidence=answer)
            if answer.status not in {0, NOT_MODIFIED}:
                kind = "text/html" if {"page", "form"} & set(one.path.split()) else "application/json"
                observe(f"Content-Type of {one.path}", expected=kind, observed=head.get("content-type", "none").partition(";")[0])
            observe(f"the client in the response to {one.path}", expected=[], observed=told, remedy="no response echoes its request")
            observe(f"other options in the response to {one.path}", expected=[], observed=options)
            if answer.status and one.path != "malformed HTTP":
                observe(f"X-Request-ID of {one.path}", expected=one.client.request_id, observed=answer.headers.get("x-request-id"))


@then("no cache may keep a response that is for one client, and no response sets a cookie")
def not_cached(walk: Walk, observe: Observe) -> None:
    with observe.together():
        for one in walk.sent:
            if one.answer.status:
                allowed = CACHED.get(one.path, "no-store")
                observe(f"Cache-Control of {one.path}", expected=allowed, observed=one.answer.headers.get("cache-control", "missing"),
                        remedy="system/api/headers.py")  # fmt: skip
                observe(f"Set-Cookie of {one.path}", expected="none", observed=one.answer.headers.get("set-cookie", "none"))


@then("a page of the allowed origin can read each response, and a page of the other origin none")
def readable_by_origin(walk: Walk, observe: Observe) -> None:
    with observe.together():
        for one in walk.sent:
            head, known = one.answer.headers, one.path not in WITHOUT_ORIGIN
            allowed = head.get("access-control-allow-origin", "none")
            if one.answer.status:
                what = f"the response {one.answer.status} to {one.path} of {one.origin}"
                observe(f"origin that may read {what}", expected=ORIGIN if known and one.origin == ORIGIN else "none", observed=allowed,
                        remedy="system/api/cors.py must be outside of whatever responds")  # fmt: skip
                observe(f"Vary of {what}", expected="contains Origin", observed=head.get("vary", ""),
                        holds="origin" in head.get("vary", "").lower())  # fmt: skip
                rules = sorted(name for name in head if name.startswith("access-control-"))
                observe(f"CORS headers of {what}", expected=["access-control-allow-origin", "access-control-expose-headers"]
                        if known and one.origin == ORIGIN else [], observed=rules)  # fmt: skip
            if one.answer.status and known and one.origin == ORIGIN:
                exposed = {name.strip().lower() for name in head.get("access-control-expose-headers", "").split(",")}
                observe(f"headers that a page may read in {what}", expected=["retry-after", "x-request-id"], observed=sorted(exposed))


@then("every vote is counted or a dead letter, with the documented fields and no others")
def fields_kept(walk: Walk, settings: RunSettings, portal: Any, observe: Observe) -> None:
    target, records = walk.apart.target, _documented(settings)
    stream, store = StreamProbe(target.redis.url), StoreProbe(target.database.url, portal)
    drained = stream.wait_until_drained(protocol.STREAM, protocol.GROUP, within=COUNTED_SECONDS)
    letters = [fields for _, fields in stream.entries_after(protocol.STREAM + protocol.DEAD_SUFFIX)]
    stream.close()
    counted = set(store.ledger(walk.vote_ids)) | {fields.get("request_id", "") for fields in letters}
    tables = {str(row["table_name"]): str(row["columns"]).split() for row in store.rows(kept.COLUMNS)}
    with observe.together():
        observe("stream", expected="drained", observed=drained.value, holds=drained.held)
        observe("accepted votes that are neither counted nor dead letters", expected=[], observed=sorted(set(walk.vote_ids) - counted))
        observe("accepted votes", expected="some", observed=len(walk.vote_ids), holds=bool(walk.vote_ids))
        observe("fields of a dead letter", expected=[records["votes:dead"]], observed=distinct_fields(letters), remedy=PRIVACY_PAGE)
        for table, columns in tables.items():
            observe(f"columns of the table {table}", expected=records.get(table, "a documented table"), observed=columns)


@then("the log describes each request by the documented fields, and names no option, and at DEBUG each vote by its id alone")
def logged(walk: Walk, settings: RunSettings, observe: Observe) -> None:
    identities = {one.client.request_id: one for one in walk.sent}
    api, consumer = walk.apart.api.process, walk.consumer
    eventually(lambda: len(_requests(api, identities)), lambda n: n >= len(identities) - 2, within=COUNTED_SECONDS)
    lines, whole = _requests(api, identities), _documented(settings)["request"]
    allowed = (whole, [field for field in whole if field != "vote_id"])
    texts = [str(event.get(field, "")) for child in (api, consumer) for event in child.events() for field in ("error", "exception")]
    with observe.together():
        observe("lines of the log", expected=f"at least {len(identities) - 2}", observed=len(lines),
                holds=len(lines) >= len(identities) - 2)  # fmt: skip
        fields = distinct_fields(lines)
        observe(
            "fields of these lines", expected=whole, observed=fields, holds=every(one in allowed for one in fields), remedy=PRIVACY_PAGE
        )
        for part, child in (("API", api), ("consumer", consumer)):
            output = [line for line in child.output().splitlines() if "consumer_starting" not in line]
            naming = [line for line in output if any(what in line for what in (*OPTIONS, *REDIS_KEYS))]
            observe(f"lines of the log of the {part} with an option or a key of Redis", expected=[], observed=naming[:3])
            outside = [line for line in output if any(vote in without_vote_id(line) for vote in walk.vote_ids)]
            observe(f"lines of the log of the {part} with a vote id outside of its field", expected=[], observed=outside[:3])
            named = {event.get("vote_id") for event in child.events()}
            observe(
                f"accepted votes that the log of the {part} does not name", expected=[], observed=sorted(set(walk.vote_ids) - named)[:3]
            )
        refused = [
            event for event in lines if event["status"] >= FAILED and "vote_id" in event
        ]  # without Redis the rate limit refuses them
        observe("lines about votes that got an id and a 5xx", expected="some", observed=refused[:3], holds=bool(refused))
        observe("texts of errors in the logs", expected="some", observed=len(texts), holds=any(texts))
        observe("texts of errors with an id", expected=[], observed=[text for text in texts if UUID.search(text)][:3],
                remedy="summary in system/errors.py")  # fmt: skip
        observe("clients in the log of the consumer", expected=[], observed=[one for one in identities if one in consumer.output()])


@then("Redis holds only documented keys")
def documented_keys(walk: Walk, settings: RunSettings, observe: Observe) -> None:
    found = kept.redis_keys(walk.apart.target.redis.url)
    patterns = [CODE.findall(row[0])[0] for row in markdown.table_rows(documents.text(settings.source, PRIVACY_PAGE)) if len(row) == 3]  # noqa: PLR2004
    uuid = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    allowed = [re.escape(one).replace(r"votes:key:\*", f"votes:key:{uuid}").replace(r"\*", r"[\w/.:-]+") for one in patterns]
    unknown = [key for key in found if not any(re.fullmatch(one, key) for one in allowed)]
    keys = {kind: sum(key.startswith(kind) for key in found) for kind in ("votes:key:", "votes:limit:")}
    traced = traces(json.dumps(found).encode(), walk.clients)
    with observe.together():
        observe("documented keys", expected="four", observed=patterns, holds=len(patterns) == 4)  # noqa: PLR2004 - the rows of the table
        observe("keys by kind", expected="some of each", observed=keys, holds=every(keys.values()))
        observe("keys that are not documented", expected=[], observed=unknown[:5], remedy=PRIVACY_PAGE)
        observe("marked clients in Redis", expected=[], observed=traced[:3])


@then("no file that the system has written holds a trait of a client, except request ids in the log")
def not_written(walk: Walk, observe: Observe) -> None:
    target = walk.apart.target
    found, size, names = {}, 0, []
    for name, data in kept.files(target.folder, walk.apart.begun):
        size += len(data)
        names.append(name)
        if there := traces(data, walk.clients):
            found[name] = there[:3]
        elif name not in _logs(walk.apart.api.process) and any(client.request_id.encode() in data for client in walk.clients):
            found[name] = ["a request id"]
    with observe.together():
        observe("bytes read", expected="some", observed=f"{size} in {len(names)} files", holds=size > 0)
        observe("traits of clients in files", expected={}, observed=found, evidence=names[:20])


def _documented(settings: RunSettings) -> dict[str, list[str]]:
    rows = [row for row in markdown.table_rows(documents.text(settings.source, PRIVACY_PAGE)) if len(row) == 2]  # noqa: PLR2004 - record and fields
    return {CODE.findall(record)[0]: sorted(CODE.findall(fields)) for record, fields in rows}


def _requests(api: Child, identities: Mapping[str, Sent]) -> list[dict[str, Any]]:
    return [event for event in api.events() if event.get("event") == "request" and event.get("request_id") in identities]


def _logs(child: Child) -> set[str]:
    return {child.log.name}
