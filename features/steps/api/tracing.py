"""Steps that send votes with a traceparent, and look at the spans that reach a collector."""

import secrets
import signal
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from pytest_bdd import given, parsers, then, when

from features.support.marked import traces
from features.support.traced import ARRIVES_SECONDS, OPTIONS, TracedSystem, Voter, loaded_protobuf
from validation.core import protocol
from validation.core.collections import every
from validation.core.waiting import Waited, eventually
from validation.probes.running.collector import PATH, Collector, Span
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe

COUNTED_SECONDS, ANSWER_SECONDS = 20.0, 1.0
UNREACHABLE = "http://127.0.0.1:1"
"""Nothing listens at port 1 of this machine."""
ACCEPTED, REFUSED = 201, 503
SPANS = {
    "SERVER": ("voting-api", protocol.API_VERSION, "POST /api/vote"),
    "CONSUMER": ("voting-consumer", protocol.CONSUMER_VERSION, "process votes"),
}
REMEDY = "system/tracing.py, system/api/tracing.py, system/consumer/tracing.py"


@dataclass(frozen=True, slots=True)
class Added:
    """An entry that a scenario added: its stream id, its vote, and what its span must say; `none` if it must have no span."""

    what: str
    stream_id: str
    vote_id: str
    span: str


@given("an API and a consumer that send their spans to a collector", target_fixture="traced")
def with_collector(start_traced: Callable[..., TracedSystem], new_collector: Callable[..., Collector]) -> TracedSystem:
    collector = new_collector()
    return start_traced(collector, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)


@given("an API and a consumer without variables of OpenTelemetry", target_fixture="traced")
def without_variables(start_traced: Callable[..., TracedSystem]) -> TracedSystem:
    return start_traced(None)


@given("an API and a consumer with a collector, and OpenTelemetry is disabled", target_fixture="traced")
def disabled(start_traced: Callable[..., TracedSystem], new_collector: Callable[..., Collector]) -> TracedSystem:
    collector = new_collector()
    return start_traced(collector, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_SDK_DISABLED="true")


@given("an API and a consumer whose collector refuses connections", target_fixture="traced")
def refusing(start_traced: Callable[..., TracedSystem]) -> TracedSystem:
    return start_traced(None, OTEL_EXPORTER_OTLP_ENDPOINT=UNREACHABLE)


@given("an API and a consumer whose collector answers nothing", target_fixture="traced")
def silent(start_traced: Callable[..., TracedSystem], new_collector: Callable[..., Collector]) -> TracedSystem:
    collector = new_collector(silent=True)
    return start_traced(collector, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=collector.url + PATH)


@when("marked clients vote with each of these headers", target_fixture="expected_traces")
def vote_with_each(traced: TracedSystem, datatable: list[list[str]]) -> list[tuple[Voter, str]]:
    return [(traced.vote(what, *_filled(header)), trace) for header, what, trace in datatable[1:]]


@when(parsers.parse("{number:d} votes with a traceparent are sent"))
def vote_often(traced: TracedSystem, number: int) -> None:
    for _ in range(number):
        if traced.vote("sampled", *_filled("00-TRACE-SPAN-01")).answer.seconds > ANSWER_SECONDS:
            return  # it is a finding already, and the others would take as long


@then("each vote is one trace: a span of the API, which continues a valid header, and below it one of the consumer")
def one_trace(traced: TracedSystem, expected_traces: list[tuple[Voter, str]], observe: Observe) -> None:
    sent = [voter for voter, trace in expected_traces if trace != "not sent"]
    arrived = eventually(lambda: [len(traced.spans_of(one.vote_id)) for one in sent], lambda n: min(n) > 1, within=ARRIVES_SECONDS)
    with observe.together():
        observe("votes that a span must follow", expected="some", observed=len(sent), holds=bool(sent), evidence=arrived.story)
        for voter, trace in expected_traces:
            given_trace, given_span = (voter.traceparents[0].split("-")[1:3]) if voter.traceparents else ("", "")
            spans = traced.spans_of(voter.vote_id)
            kinds = [] if trace == "not sent" else [*SPANS]
            observe(f"spans of the vote whose header is {voter.what}", expected=kinds, observed=[one.kind for one in spans], remedy=REMEDY)
            if len(spans) != len(SPANS):
                continue
            api, consumer = spans
            observe(f"the API's span continues a header {voter.what}", expected=trace == "continued",
                    observed=(api.trace, api.parent) == (given_trace, given_span), evidence=api,
                    remedy="system/api/tracing.py")  # fmt: skip
            if trace == "new":
                observe(f"parent in a trace that began at the API: header {voter.what}", expected="", observed=api.parent)
            observe(f"trace and parent of the consumer's span: header {voter.what}", expected=(api.trace, api.own),
                    observed=(consumer.trace, consumer.parent), remedy="system/consumer/tracing.py")  # fmt: skip


@then("the entry of each vote names the span of the API")
def entry_names_span(traced: TracedSystem, expected_traces: list[tuple[Voter, str]], observe: Observe) -> None:
    with observe.together():
        for voter, trace in expected_traces:
            field = traced.entry(voter).get("traceparent", "missing")
            if trace == "not sent":
                [given_one] = voter.traceparents
                trace_id = given_one.split("-")[1]
                observe("traceparent of an entry that is not sampled", expected=f"00-{trace_id}-…-00", observed=field,
                        holds=field.startswith(f"00-{trace_id}-") and field.endswith("-00") and field != given_one)  # fmt: skip
                continue
            [api] = [one for one in traced.spans_of(voter.vote_id) if one.kind == "SERVER"]
            wanted = f"00-{api.trace}-{api.own}-"
            observe(f"traceparent of the entry: header {voter.what}", expected=wanted + "…", observed=field,
                    holds=field.startswith(wanted) and int(field[-2:], 16) & 1)  # fmt: skip


@then("each span has the documented attributes, and the vote by its id alone")
def attributes(traced: TracedSystem, expected_traces: list[tuple[Voter, str]], observe: Observe) -> None:
    with observe.together():
        for voter, _ in expected_traces:
            for span in traced.spans_of(voter.vote_id):
                observe(f"service, version and name of a {span.kind} span", expected=SPANS[span.kind],
                        observed=(span.service, span.version, span.name))  # fmt: skip
                varying = {"messaging.batch.message_count"}
                shown = {name: value for name, value in span.attributes.items() if name not in varying}
                observe(f"attributes of a {span.kind} span", expected=_expected(span, voter), observed=shown,
                        remedy="docs/explanation/privacy.md lists them")  # fmt: skip
                observe(f"a {span.kind} span took some time and did not fail", expected=False, observed=span.failed,
                        holds=span.seconds > 0 and not span.failed)  # fmt: skip


@then("nothing that was sent to the collector holds a trait of a client or an option")
def names_nobody(traced: TracedSystem, observe: Observe) -> None:
    bodies = traced.collector.bodies if traced.collector else []
    found = [trait for body in bodies for trait in traces(body, [one.client for one in traced.voters])]
    options = sorted({option for body in bodies for option in OPTIONS if option.encode() in body})
    with observe.together():
        observe("requests to the collector", expected="some", observed=len(bodies), holds=bool(bodies))
        observe(
            "their method and path", expected=[f"POST {PATH}"], observed=sorted(set(traced.collector.requests if traced.collector else []))
        )
        observe("traits of clients in spans", expected=[], observed=found, remedy="system/api/tracing.py")
        observe("options in spans", expected=[], observed=options, remedy="a span names a vote by its id alone")


@when("entries with these traceparents are added", target_fixture="added")
def add_entries(traced: TracedSystem, datatable: list[list[str]]) -> list[Added]:
    rows: list[Added] = []
    odd: dict[str, str | bytes] = {"(empty)": "", "(ten thousand characters)": "0" * 10_000, "(no text)": b"\xff\x00\xfe"}
    for text, what, span in datatable[1:]:
        vote_id = rows[-1].vote_id if what == "the same vote again" else str(uuid.uuid4())
        field = odd[text] if text in odd else _filled(text)[0]
        option = "unknown" if what == "an unknown option" else OPTIONS[0]
        fields: dict[str, str | bytes] = {"option": option, "timestamp": "1700000000000", "request_id": vote_id, "traceparent": field}
        rows.append(Added(f"{what}, {text}", traced.stream.add(protocol.STREAM, fields), vote_id, span))
    return rows


@then("every vote among them is counted once")
def all_counted(traced: TracedSystem, added: list[Added], store: StoreProbe, observe: Observe) -> None:
    expected = {one.vote_id: OPTIONS[0] for one in added if one.span != "malformed"}
    counted = _ledger(store, [one.vote_id for one in added], expected.keys())
    drained = traced.stream.wait_until_drained(protocol.STREAM, protocol.GROUP, within=COUNTED_SECONDS)
    with observe.together():
        observe("votes in the ledger, by id", expected=expected, observed=counted.value, evidence=traced.consumer.output(),
                remedy="an entry counts, whatever its traceparent is")  # fmt: skip
        observe("entries", expected="all of them acknowledged", observed=drained.value, holds=drained.held,
                evidence=traced.consumer.output(), remedy="system/consumer/tracing.py")  # fmt: skip


@then("the consumer's span of each entry says what became of it")
def outcomes(traced: TracedSystem, added: list[Added], observe: Observe) -> None:
    def told() -> dict[str, str]:
        found = traced.collector.spans() if traced.collector else []
        return {one.attributes.get("messaging.message.id", ""): one.attributes.get("outcome", "missing") for one in found}

    wanted = {one.stream_id: one.span for one in added if one.span != "none"}
    arrived = eventually(told, lambda now: wanted.keys() <= now.keys(), within=ARRIVES_SECONDS)
    with observe.together():
        for one in added:
            observe(f"span of {one.what}", expected=one.span, observed=arrived.value.get(one.stream_id, "none"), remedy=REMEDY)
        failed = {one.attributes.get("outcome", "") for one in (traced.collector.spans() if traced.collector else []) if one.failed}
        observe("outcomes of spans that failed", expected={"malformed"}, observed=failed)


@when("Redis refuses a vote with a traceparent", target_fixture="refused_vote")
def refused(traced: TracedSystem, stream: StreamProbe, afterwards: Callable[..., None]) -> Voter:
    afterwards(lambda: stream.set_command("xadd", allowed=True))
    stream.set_command("xadd", allowed=False)
    return traced.vote("refused", *_filled("00-TRACE-SPAN-01"))


@then("its trace has a span of the API, which failed with 503")
def failed_span(traced: TracedSystem, refused_vote: Voter, observe: Observe) -> None:
    trace = refused_vote.traceparents[0].split("-")[1]

    def arrived() -> list[tuple[str, str, bool]]:
        found = traced.collector.spans() if traced.collector else []
        return [(one.kind, one.attributes.get("http.response.status_code", ""), one.failed) for one in found if one.trace == trace]

    seen = eventually(arrived, bool, within=ARRIVES_SECONDS)
    with observe.together():
        observe("status of a vote that Redis refuses", expected=REFUSED, observed=refused_vote.answer.status)
        observe("spans of its trace", expected=[("SERVER", str(REFUSED), True)], observed=seen.value, remedy="system/api/tracing.py")


@then("each of them is counted, and its entry has the three fields of the contract and no other")
def plain_entries(traced: TracedSystem, store: StoreProbe, observe: Observe) -> None:
    sent = [one.vote_id for one in traced.voters]
    counted = _ledger(store, sent, sent)
    with observe.together():
        observe("votes that were counted", expected=sorted(sent), observed=sorted(counted.value))
        for voter in traced.voters:
            observe("fields of an entry", expected=sorted(protocol.ENTRY_FIELDS), observed=sorted(traced.entry(voter)),
                    remedy="system/api/tracing.py runs only with a collector")  # fmt: skip


@then("neither part has loaded the libraries, and no collector got anything")
def nothing_sent(traced: TracedSystem, observe: Observe) -> None:
    with observe.together():
        for name, child in traced.processes.items():
            if not child.in_container:
                observe(f"the {name} has loaded the library that encodes spans", expected=False, observed=loaded_protobuf(child.pid))
        got = traced.collector.requests if traced.collector else []
        observe("requests to the collector", expected=[], observed=got, remedy="OTEL_SDK_DISABLED=true disables tracing")


@then("each vote is answered within a second and counted")
def not_delayed(traced: TracedSystem, store: StoreProbe, observe: Observe) -> None:
    sent = [one.vote_id for one in traced.voters]
    counted = _ledger(store, sent, sent)
    slowest = max(one.answer.seconds for one in traced.voters)
    with observe.together():
        observe("statuses", expected=[ACCEPTED], observed=sorted({one.answer.status for one in traced.voters}))
        observe("seconds of the slowest answer", expected=f"at most {ANSWER_SECONDS:.0f}", observed=slowest, timed=True,
                holds=slowest <= ANSWER_SECONDS, remedy="a vote must not wait for the collector")  # fmt: skip
        observe(
            "votes that were not counted", expected=[], observed=sorted(set(sent) - set(counted.value)), evidence=traced.consumer.output()
        )
        named = every("traceparent" in traced.entry(voter) for voter in traced.voters)
        observe("every entry names its trace, so tracing is on", expected=True, observed=named)


@when("one more vote is sent, and both parts are told to stop", target_fixture="told_to_stop_at")
def stop_both(traced: TracedSystem, store: StoreProbe) -> float:
    voter = traced.vote("sampled", *_filled("00-TRACE-SPAN-01"))
    _ledger(store, [voter.vote_id], [voter.vote_id])  # the consumer too has a span that it could not send
    for child in traced.processes.values():
        child.send(signal.SIGTERM)
    return time.monotonic()


@then("both exit with code 0 in time")
def both_exit(traced: TracedSystem, told_to_stop_at: float, observe: Observe) -> None:
    with observe.together():
        for name, child in traced.processes.items():
            ended = child.wait(within=max(told_to_stop_at + protocol.SHUTDOWN_SECONDS - time.monotonic(), 0.0))
            observe(f"exit code of the {name} within {protocol.SHUTDOWN_SECONDS:.0f} s", expected=0,
                    observed=ended.value if ended.held else "still running", timed=not ended.held, evidence=child.output(),
                    remedy="system/tracing.py: the shutdown must not wait for the collector")  # fmt: skip


def _filled(header: str) -> tuple[str, ...]:
    """Return the headers of a row, with ids that nothing else has; the words of a row that is repeated have the same ids."""
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    trace = "a" + trace[1:]  # a letter, so that upper case differs
    return tuple(one.replace("TRACEUP", trace.upper()).replace("TRACE", trace).replace("SPAN", span) for one in header.split() if one)


def _expected(span: Span, voter: Voter) -> dict[str, str]:
    if span.kind == "SERVER":
        return {"http.request.method": "POST", "http.route": "/api/vote", "http.response.status_code": "201", "url.path": "/api/vote",
                "url.scheme": "http", "vote_id": voter.vote_id}  # fmt: skip
    return {"messaging.system": "redis", "messaging.operation.type": "process", "messaging.operation.name": "process",
            "messaging.destination.name": protocol.STREAM, "messaging.consumer.group.name": protocol.GROUP,
            "messaging.message.id": voter.stream_id, "outcome": "counted", "vote_id": voter.vote_id}  # fmt: skip


def _ledger(store: StoreProbe, vote_ids: list[str], wanted: object) -> Waited[dict[str, str]]:
    """Wait until the wanted votes are in the ledger, and return what it holds of all of them."""
    expected = set(wanted)  # type: ignore[call-overload]
    return eventually(lambda: store.ledger(vote_ids), lambda found: expected <= found.keys(), within=COUNTED_SECONDS)
