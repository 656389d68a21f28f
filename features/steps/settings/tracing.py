"""Steps that look at where spans are sent, and of which votes."""

import secrets
from dataclasses import dataclass

import pytest
from pytest_bdd import then

from features.support.settings_trial import Trial
from validation.core import protocol
from validation.core.waiting import consistently, eventually
from validation.probes.running.collector import PATH
from validation.record.observe import Observe

BASE, FULL = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
ARRIVES_SECONDS, QUIET_SECONDS = 10.0, 2.5
"""Spans are sent every second."""
LOW, HIGH = "0" * 15 + "1", "f" * 16
"""Last halves of trace ids: a sampler by ratio compares that half with the share of its largest value."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A vote with a traceparent: the ids of the vote and of the trace, and whether the client sampled it."""

    vote_id: str
    trace: str
    sampled: bool

    def is_traced(self, sampler: str, share: float) -> bool:
        """Return whether a sampler traces it."""
        if sampler.startswith("parentbased_"):
            return self.sampled
        if sampler == "traceidratio":
            return int(self.trace[16:], 16) < share * 2**64
        return sampler == "always_on"


@pytest.fixture
def with_traces(trial: Trial) -> list[Sent]:
    """Cast votes with a traceparent, sampled and not, with small and with large ids, and wait until their spans may have arrived."""
    sent = []
    for half, flag in ((LOW, "01"), (LOW, "00"), (HIGH, "01"), (HIGH, "00")):
        trace = secrets.token_hex(8) + half
        answer = trial.client().vote(trial.options[0], "", [("traceparent", f"00-{trace}-{secrets.token_hex(8)}-{flag}")])
        trial.record(trial.options[0], answer)
        sent.append(Sent(str((answer.json() or {}).get("vote_id", "")), trace, flag == "01"))
    expected = _expected(trial, sent)
    eventually(lambda: _arrived(trial, sent), lambda found: found >= expected, within=ARRIVES_SECONDS)
    consistently(lambda: _arrived(trial, sent), lambda found: found <= expected, during=QUIET_SECONDS if not expected else 0.0)
    return sent


@then("spans are sent below this address")
def below(trial: Trial, with_traces: list[Sent], observe: Observe) -> None:
    only = _expected(trial, with_traces) and not trial.value(FULL)
    observe(f"requests to the collector, with {BASE}={trial.value(BASE)}", expected=[f"POST {PATH}"] if only else [],
            observed=[one for one in _requests(trial) if one.endswith(PATH)], remedy="system/settings.py: traces_url")  # fmt: skip


@then("spans are sent to this address instead")
def instead(trial: Trial, with_traces: list[Sent], observe: Observe) -> None:
    only = _expected(trial, with_traces) and trial.value(FULL)
    observe(f"requests to the collector, with {FULL}={trial.value(FULL)}", expected=["POST /own"] if only else [],
            observed=[one for one in _requests(trial) if not one.endswith(PATH)], remedy="system/settings.py: traces_url")  # fmt: skip


@then("no span is sent, and no entry names a trace")
def disabled(trial: Trial, with_traces: list[Sent], observe: Observe) -> None:
    entries = {fields["request_id"]: fields for _, fields in trial.stream.entries_after(protocol.STREAM)}
    named = ["traceparent" in entries.get(one.vote_id, {}) for one in with_traces]
    with observe.together():
        observe("entries name a trace", expected=[_is_on(trial)] * len(with_traces), observed=named)
        if not _is_on(trial):
            observe("requests to the collector", expected=[], observed=trial.collector.requests)


@then("this sampler decides which votes are traced")
def sampler(trial: Trial, with_traces: list[Sent], observe: Observe) -> None:
    for one in with_traces:
        traced = one.vote_id in _arrived(trial, with_traces)
        observe(f"a vote is traced: sampled {one.sampled}, trace id ends with {one.trace[16:]}", remedy="system/tracing.py: _sampler",
                expected=one.vote_id in _expected(trial, with_traces), observed=traced)  # fmt: skip


@then("it traces this share of the votes")
def share(trial: Trial, with_traces: list[Sent], observe: Observe) -> None:
    """Votes without a traceparent have random trace ids. A vote that is sent again has another span."""
    others = set(trial.sent) - {one.vote_id for one in with_traces}
    name, part = trial.value("OTEL_TRACES_SAMPLER"), float(trial.value("OTEL_TRACES_SAMPLER_ARG"))
    chance = part if name.endswith("traceidratio") else float(name.endswith("always_on"))
    if not _is_on(trial):
        chance = 0.0

    def right(found: set[str]) -> bool:
        return len(found) == chance * len(others) if chance in {0.0, 1.0} else 0 < len(found) < len(others)

    # Each process of the API sends what it has once in a second. Nothing is waited for if nothing is to come.
    traced = eventually(lambda: others & _traced(trial), right, within=ARRIVES_SECONDS)
    observe(f"traced votes of {len(others)} without a traceparent", expected=f"a share of {chance:g}", observed=len(traced.value),
            holds=traced.held)  # fmt: skip


def _is_on(trial: Trial) -> bool:
    return trial.value("OTEL_SDK_DISABLED") == "false" and bool(trial.value(BASE) or trial.value(FULL))


def _expected(trial: Trial, sent: list[Sent]) -> set[str]:
    name, part = trial.value("OTEL_TRACES_SAMPLER"), float(trial.value("OTEL_TRACES_SAMPLER_ARG"))
    return {one.vote_id for one in sent if _is_on(trial) and one.is_traced(name, part)}


def _traced(trial: Trial) -> set[str]:
    return {one.attributes.get("vote_id", "") for one in trial.collector.spans()}


def _arrived(trial: Trial, sent: list[Sent]) -> set[str]:
    found = _traced(trial)
    return {one.vote_id for one in sent if one.vote_id in found}


def _requests(trial: Trial) -> list[str]:
    return sorted(set(trial.collector.requests))
