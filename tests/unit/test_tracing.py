"""Whether votes are traced, and where spans go: the variables as OpenTelemetry defines them. B12 and B23 look at the spans themselves."""

import logging

import pytest
from opentelemetry.trace import SpanKind

from system import contract
from system.settings import ApiSettings
from system.tracing import Tracing, parent, traceparent

VALID = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
BASE, FULL, OFF = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_SDK_DISABLED"


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, ""),
        ({BASE: ""}, ""),
        ({BASE: "http://collector:4318"}, "http://collector:4318/v1/traces"),
        ({BASE: "https://collector/otlp/"}, "https://collector/otlp/v1/traces"),
        ({FULL: "http://[::1]:4318/own"}, "http://[::1]:4318/own"),
        ({BASE: "http://a:1", FULL: "http://b:2"}, "http://b:2"),
        ({BASE: "http://a:1", OFF: "true"}, ""),
        ({BASE: "http://a:1", OFF: "TRUE"}, ""),
        ({BASE: "http://a:1", OFF: "false"}, "http://a:1/v1/traces"),
        ({BASE: "http://a:1", OFF: ""}, "http://a:1/v1/traces"),
    ],
)
def test_where_spans_go(variables: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ApiSettings.read().traces_url == url


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"):
        monkeypatch.setenv(name, " ")
    settings = ApiSettings.read()
    assert (settings.otel_traces_sampler, settings.otel_traces_sampler_arg) == ("parentbased_always_on", 1.0)


@pytest.mark.parametrize("field", [b"", b"\xff\x00", b"x" * 100_000, VALID.upper().encode(), VALID.encode() + b"-", b"00-1-2-01"])
def test_a_strange_traceparent_begins_a_new_trace(field: bytes) -> None:
    assert parent(contract.traceparent_of({b"traceparent": field})) is None


def test_a_child_names_the_trace_of_its_parent_and_a_span_of_its_own() -> None:
    tracing = Tracing(ApiSettings(otel_exporter_otlp_endpoint="http://127.0.0.1:1", otel_traces_sampler="always_off"), "test", "1")
    own = traceparent(tracing.tracer.start_span("vote", parent(VALID), SpanKind.SERVER))
    tracing.close()
    assert own.split("-")[1] == VALID.split("-")[1]
    assert own != VALID
    assert own.endswith("-00"), "a sampler that follows nobody decided against it"


def test_a_resource_of_the_operator_comes_before_the_name_of_the_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "referendum")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    tracing = Tracing(ApiSettings(otel_exporter_otlp_endpoint="http://127.0.0.1:1"), "voting-api", "1")
    tracing.close()
    attributes = tracing.tracer.resource.attributes
    assert (attributes["service.name"], attributes["service.version"]) == ("referendum", "1")
    assert attributes["deployment.environment.name"] == "test"


def test_an_exporter_that_fails_complains_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    Tracing(ApiSettings(otel_exporter_otlp_endpoint="http://127.0.0.1:1"), "test", "1").close()
    log = logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    for _ in range(3):
        log.error("Failed to export")
    assert [record.message for record in caplog.records].count("Failed to export") == 1
