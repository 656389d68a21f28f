"""What a source offers is read item by item, so that none of them can be lost in silence."""

from pathlib import Path

from validation.core.settings import PROJECT
from validation.probes.source import interfaces
from validation.registry.releases import OWN_VERSION


def test_a_variable_without_a_default_is_required(tmp_path: Path) -> None:
    (tmp_path / "system").mkdir()
    (tmp_path / "system" / "settings.py").write_text("class Settings:\n    url: str = 'x'\nclass ApiSettings:\n    port: int\n")
    assert interfaces.variables(tmp_path) == {
        "URL of the API": "optional",
        "PORT of the API": "required",
        "URL of the consumer": "optional",
    }


def test_the_values_of_the_chart_are_read_to_their_leaves(tmp_path: Path) -> None:
    (tmp_path / "chart").mkdir()
    (tmp_path / "chart" / "values.yaml").write_text("a: {b: 1, c: [x], d: {}, e: null}\nf: true\ng: 0.5\n")
    (tmp_path / "chart" / "values.schema.json").write_text(
        '{"required": ["a", "f", "h"], "properties": {"a": {}, "f": {}, "h": {"items": {"required": ["i"], "properties": {"i": {}}}}}}'
    )
    assert interfaces.chart_values(tmp_path) == {
        "a.b": "number", "a.c": "list", "a.d": "mapping", "a.e": "any value", "f": "switch", "g": "number", "h": "required",
        "h.[].i": "required",
    }  # fmt: skip


def test_events_and_exit_codes_are_those_of_the_documents() -> None:
    events, codes = interfaces.log_events(PROJECT), interfaces.exit_codes(PROJECT)
    assert events["vote_counted of the consumer"] == "debug"
    assert "vote_counted of the consumer, field stream_id" in events
    assert "python -m system.db.migrate, exit code 130" in codes
    assert "python -m system.db.migrate, exit code 143" in codes


def test_results_have_a_version_of_their_own() -> None:
    fields = interfaces.results_fields(PROJECT)
    assert int(fields[OWN_VERSION]) > 1
    assert fields["verdict"] == "always"


def test_a_metric_has_a_type_and_the_labels_of_its_samples() -> None:
    page = '# HELP a_total X.\n# TYPE a_total counter\na_total{route="/",status="200"} 1.0\n# TYPE a_created gauge\na_created{b="c"} 2\n'
    assert interfaces.metrics({"API": page}) == {
        "a_total of the API": "counter", "a_total of the API, label route": "", "a_total of the API, label status": "",
    }  # fmt: skip


def test_a_field_is_required_of_a_client_only_in_what_it_sends() -> None:
    described = {
        "POST /a, body application/json": '{"$ref": "#/components/schemas/Sent"}',
        "Sent, field x": "required, {}",
        "Got, field y": "required, {}",
        "Got, field z": "optional, {}",
        "POST /a, body application/json, field w": "optional, {}",
    }
    assert interfaces.http(described) == described | {"Got, field y": "always, {}", "Got, field z": "sometimes, {}"}
