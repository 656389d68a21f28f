"""No name or value is read as a number, a date, a boolean or null, whatever it looks like."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chart.values_table import CHART
from validation.probes.chart import values
from validation.probes.chart.manifests import render
from validation.probes.chart.trials.lookalikes import LOOKALIKES, render_with

PRODUCTION = values.shipped(CHART)["production-values.yaml"]
EXTERNAL = values.shipped(CHART)["external-data-values.yaml"]
INTEGERS = {"replicas", "minReplicas", "maxReplicas", "averageUtilization", "maxReplicaCount", "runAsUser", "runAsGroup", "fsGroup", "port"}
NUMBERS = st.from_regex(r"[-+]?(0x[0-9a-f]{1,4}|0o?[0-7]{1,4}|0b[01]{1,4}|[0-9]{1,6}|[0-9]{1,3}(_[0-9]{3}){1,2})", fullmatch=True)
FLOATS = st.from_regex(r"[-+]?([0-9]{0,3}\.[0-9]{1,3}|[0-9]{1,3})([eE][-+]?[0-9]{1,2})?|[-+]?\.(inf|Inf|INF)|\.nan", fullmatch=True)
TIMES = st.from_regex(r"[1-9]?[0-9](:[0-5]?[0-9]){1,2}|[12][0-9]{3}-[01][0-9]-[0-3][0-9]", fullmatch=True)
WORDS = st.sampled_from(
    [form for word in ("y", "n", "yes", "no", "on", "off", "true", "false", "null", "~") for form in {word, word.upper(), word.title()}]
)


@pytest.mark.parametrize("base", [PRODUCTION, EXTERNAL], ids=["production", "external"])
@pytest.mark.parametrize("text", LOOKALIKES)
def test_a_lookalike_stays_text(text: str, base: values.Values) -> None:
    (found,) = render_with(CHART, [text], base)
    assert found.places
    assert found.faults == ()


@settings(max_examples=60)
@given(st.one_of(NUMBERS, FLOATS, TIMES, WORDS))
def test_any_number_time_or_word_stays_text(text: str) -> None:
    (found,) = render_with(CHART, [text], PRODUCTION)
    assert found.places
    assert found.faults == ()


@pytest.mark.parametrize("release", ["123", "0x1f", "on", "1e3", "2026-11-29"])
def test_a_release_may_have_such_a_name_and_keeps_it(release: str) -> None:
    found = render(CHART, {"namespaces": {"prefix": release}}, release=release)
    assert {m.body["metadata"]["labels"]["app.kubernetes.io/instance"] for m in found} == {release}
    assert {m.namespace for m in found if m.namespace} == {f"{release}-{layer}" for layer in ("frontend", "api", "consumer", "data")}


def test_large_integers_stay_integers() -> None:
    consumer = {"keda": {"enabled": True, "maxReplicas": 1000, "lag": 1_000_000_000}, "batchSize": 10_000}
    found = render(CHART, {"consumer": consumer, "postgres": {"maxConnections": 9_000}})
    (scaled,) = [m for m in found if m.kind == "ScaledObject"]
    assert scaled.body["spec"]["maxReplicaCount"] == 1000
    assert scaled.body["spec"]["triggers"][0]["metadata"]["lagCount"] == "1000000000"


def test_every_scalar_that_a_template_fills_in_is_quoted_or_an_integer() -> None:
    bare = []
    for file in sorted((CHART / "templates").rglob("*.*")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            found = re.fullmatch(r"\s*(?:- )?(?P<key>[\w./-]+): (?P<value>\{\{.*)", line)
            if not found or file.suffix == ".txt" or "nindent" in line:
                continue
            quoted = all(
                re.search(r"(\| (quote|int64|toJson)|\{\{ toJson \S+) \}\}", action)
                for action in re.findall(r"\{\{.*?\}\}", found["value"])
            )
            if not quoted and found["key"] not in INTEGERS and "policyTypes" not in line:
                bare.append(f"{file.name}:{number} {line.strip()}")
    assert bare == []
