"""The probes of branch coverage, of wrong values and of existing Secrets, on charts with one defect each."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from validation.core.errors import ProbeError
from validation.probes.chart.branches import coverage
from validation.probes.chart.existing_secret import render_with_secret
from validation.probes.chart.schema_rules import try_wrong_values, unconstrained

SCHEMA: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "additionalProperties": False,
    "required": ["on", "size", "names"],
    "definitions": {"size": {"type": "integer", "minimum": 1}},
    "properties": {
        "on": {"type": "boolean"},
        "size": {"$ref": "#/definitions/size"},
        "names": {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"type": "string", "pattern": "^[a-z]+$"}},
        "labels": {"type": "object", "propertyNames": {"pattern": "^[a-z]+$"}, "additionalProperties": {"type": "string"}},
        "peer": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "properties": {"load": {"type": "number", "exclusiveMinimum": 0, "maximum": 1}, "level": {"enum": ["low"]}},
        },
    },
}
VALUES = {"on": False, "size": 3, "names": ["one"], "labels": {}, "peer": {"level": "low"}}
TEMPLATE = """
{{- $kept := (lookup "v1" "Secret" "here" "own").data | default dict }}
{{- $other := (lookup "v1" "Secret" "there" "own").data | default dict }}
{apiVersion: v1, kind: Secret, metadata: {name: own, namespace: here}, data: {
  a: {{ get $kept "a" | default "new" | quote }}, b: {{ get $other "a" | default "new" | quote }}}}
"""


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    (tmp_path / "templates" / "tests").mkdir(parents=True)
    (tmp_path / "Chart.yaml").write_text("{apiVersion: v2, name: small, version: 0.1.0}")
    (tmp_path / "values.yaml").write_text(json.dumps(VALUES))
    (tmp_path / "values.schema.json").write_text(json.dumps(SCHEMA))
    return tmp_path


def untaken(chart: Path, template: str, *settings: dict[str, Any]) -> list[str]:
    (chart / "templates" / "NOTES.txt").write_text(template)
    return [f"{branch.line} {branch.condition}" for branch in coverage(chart, settings)[1]]


def schema(chart: Path, **changes: Any) -> None:
    (chart / "values.schema.json").write_text(json.dumps(SCHEMA | {"properties": SCHEMA["properties"] | changes}))


def test_a_condition_is_covered_once_it_was_true_and_once_false(chart: Path) -> None:
    assert untaken(chart, "{{- if .Values.on }}x{{ end }}", {}) == ["1 if .Values.on"]
    assert untaken(chart, "{{- if .Values.on }}x{{ end }}", {"on": True}) == ["1 not if .Values.on"]
    assert untaken(chart, "{{- if .Values.on }}x{{ end }}", {"on": True}, {}) == []


def test_each_else_of_a_chain_is_a_branch(chart: Path) -> None:
    chain = "{{ if .Values.on }}\n{{ else if gt (int .Values.size) 5 }}\n{{- else }}\n{{ end }}"
    assert untaken(chart, chain, {}) == ["1 if .Values.on", "2 if gt (int .Values.size) 5"]
    assert untaken(chart, chain, {"on": True}, {"size": 7}) == ["2 not if gt (int .Values.size) 5"]


def test_a_branch_inside_another_and_inside_a_definition_is_found(chart: Path) -> None:
    template = (
        '{{ define "x" }}{{ with .labels }}l{{ end }}{{ end }}{{/* {{ if }} */}}{{ if .Values.on }}{{ include "x" .Values }}{{ end }}'
    )
    assert untaken(chart, template, {}) == ["1 with .labels", "1 not with .labels", "1 if .Values.on"]
    assert untaken(chart, template, {"on": True}, {"on": True, "labels": {"a": "b"}}, {}) == []


def test_what_is_never_empty_has_no_negated_branch(chart: Path) -> None:
    assert untaken(chart, '{{ range .Values.names }}{{ end }}{{ range $k, $v := dict "a" 1 }}{{ end }}', {}) == []
    assert untaken(chart, "{{ range .Values.labels }}{{ end }}", {"labels": {"a": "b"}}) == ["1 not range .Values.labels"]


def test_an_unbalanced_template_is_an_error(chart: Path) -> None:
    with pytest.raises(ProbeError, match=r"NOTES\.txt:2 has end without an open block"):
        untaken(chart, "{{ if .Values.on }}{{ end }}\n{{ end }}", {})


def test_every_rule_is_violated_at_every_path_with_a_control(chart: Path) -> None:
    tried = try_wrong_values(chart)
    assert [one for one in tried if one.accepted or not one.control] == []
    assert {one.path for one in tried} == {
        "values",
        "on",
        "size",
        "names",
        "names.[]",
        "labels",
        "labels.*",
        "peer",
        "peer.load",
        "peer.level",
    }
    given = {(one.path, str(one.value)) for one in tried}
    assert {
        ("size", "0"),
        ("names", "[]"),
        ("names", "['x', 'x']"),
        ("names.[]", ""),
        ("peer.load", "0"),
        ("peer.load", "2"),
    } <= given
    assert ("peer", "{'level': 'low', 'misspelt': 1}") in given


def test_a_rule_beside_a_reference_is_ignored_and_detected(chart: Path) -> None:
    schema(chart, size={"$ref": "#/definitions/size", "maximum": 9})
    assert [(one.path, one.value) for one in try_wrong_values(chart) if one.accepted] == [("size", 10)]


def test_a_path_that_accepts_no_value_has_no_control(chart: Path) -> None:
    schema(chart, size={"type": "integer", "minimum": 9, "maximum": 3})
    assert {one.path for one in try_wrong_values(chart) if not one.control} >= {"size"}


def test_a_value_that_only_a_type_constrains_is_found(chart: Path) -> None:
    assert unconstrained(try_wrong_values(chart)) == ("labels.*",)


def test_an_unknown_rule_and_a_missing_schema_are_errors(chart: Path) -> None:
    schema(chart, size={"type": "integer", "multipleOf": 2})
    with pytest.raises(ProbeError, match="multipleOf"):
        try_wrong_values(chart)
    (chart / "values.schema.json").unlink()
    with pytest.raises(ProbeError, match=r"values\.schema\.json"):
        try_wrong_values(chart)


def test_only_the_given_secret_is_found(chart: Path) -> None:
    (chart / "templates" / "secret.yaml").write_text(TEMPLATE)
    (secret,) = render_with_secret(chart, "here/own", {"a": "existing"})
    assert secret.body["data"] == {"a": base64.b64encode(b"existing").decode(), "b": "new"}


def test_a_template_without_a_lookup_is_unchanged(chart: Path) -> None:
    (chart / "templates" / "secret.yaml").write_text(TEMPLATE.replace('(lookup "v1" "Secret" "here" "own").data | default ', ""))
    (secret,) = render_with_secret(chart, "here/own", {"a": "existing"})
    assert secret.body["data"]["a"] == "new"
