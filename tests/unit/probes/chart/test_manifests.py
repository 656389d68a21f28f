"""The probes that render and validate a chart, on charts with one defect each."""

import json
from pathlib import Path
from typing import Any

import pytest

from validation.core.errors import ProbeError
from validation.probes.chart import kubernetes_schemas, manifests, values
from validation.probes.chart.value_flips import Flip, Place, flips
from validation.probes.chart.workloads import Security, Variable, workloads

CHART = """
apiVersion: v2
name: small
version: 0.1.0
icon: https://icon.example/x.svg
"""
VALUES = """
tag: "1"
unread: 7
level: low
part: {enabled: false, size: 3}
"""
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "definitions": {"level": {"enum": ["low", "high"]}},
    "properties": {
        "tag": {"type": "string", "pattern": "^[0-9]?$|^sha256:[0-9a-f]{64}$"},
        "unread": {"type": "integer", "maximum": 7},
        "level": {"$ref": "#/definitions/level"},
        "part": {"type": "object", "properties": {"enabled": {"type": "boolean"}, "size": {"type": "integer"}}},
    },
}
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: one, namespace: here, annotations: {random: {{ randAlphaNum 8 | quote }}}}
spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec:
      securityContext: {runAsUser: 1000, runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      initContainers:
        - {name: first, image: "x"}
      containers:
        - name: main
          image: "x:{{ .Values.tag }}"
          securityContext: {runAsUser: 5, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
          livenessProbe: {tcpSocket: {port: 1}}
          env:
            - {name: LEVEL, value: {{ .Values.level }}}
            - {name: URL, valueFrom: {secretKeyRef: {name: s, key: k}}}
            - {name: ME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
{{- if .Values.part.enabled }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: part}
data: {size: {{ .Values.part.size | quote }}}
{{- end }}
"""


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text(CHART)
    (tmp_path / "values.yaml").write_text(VALUES)
    (tmp_path / "values.schema.json").write_text(json.dumps(SCHEMA))
    (tmp_path / "templates" / "all.yaml").write_text(DEPLOYMENT)
    (tmp_path / "templates" / "NOTES.txt").write_text("not: an object")
    (tmp_path / "templates" / "empty.yaml").write_text("{{- if false }}x{{ end }}\n")
    return tmp_path


def template(chart: Path, text: str) -> None:
    (chart / "templates" / "all.yaml").write_text(text)


def test_rendering_returns_the_objects_without_notes_and_empty_templates(chart: Path) -> None:
    found = manifests.render(chart, {"part": {"enabled": True}})
    assert [(m.template, m.kind, m.name, m.namespace) for m in found] == [
        ("templates/all.yaml", "Deployment", "one", "here"),
        ("templates/all.yaml", "ConfigMap", "part", ""),
    ]


def test_release_and_namespace_reach_the_templates(chart: Path) -> None:
    template(chart, "{apiVersion: v1, kind: Pod, metadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}}")
    (pod,) = manifests.render(chart, release="mine", namespace="there")
    assert (pod.name, pod.namespace) == ("mine", "there")


@pytest.mark.parametrize("broken", [None, "name: ["])
def test_without_a_readable_chart_every_probe_raises_an_error(chart: Path, broken: str | None) -> None:
    (chart / "Chart.yaml").unlink() if broken is None else (chart / "Chart.yaml").write_text(broken)
    for probe in (manifests.render, values.merged, values.schema, values.schema_error, flips):
        with pytest.raises(ProbeError, match="helm cannot read the chart"):
            probe(chart)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{{ fail "refused by the chart" }}', "refused by the chart"),
        ("{{ .Values.tag", "parse error|unclosed"),
        ("{{ .Values.nothing.here }}", "nil pointer"),
        ("a: [", "does not render to YAML"),
        ("just words", "other than a Kubernetes object"),
        ("kind: Pod", "other than a Kubernetes object"),
        ("kind: Pod\nmetadata: {name: a}", "other than a Kubernetes object: 'apiVersion'"),
    ],
)
def test_a_chart_that_does_not_render_is_a_fault_of_the_chart(chart: Path, text: str, why: str) -> None:
    template(chart, text)
    with pytest.raises(manifests.RenderFailed, match=why):
        manifests.render(chart)


def test_values_that_the_schema_rejects_are_named(chart: Path) -> None:
    with pytest.raises(manifests.RenderFailed, match="tagg"):
        manifests.render(chart, {"tagg": "2"})
    assert "tagg" in (values.schema_error(chart, {"tagg": "2"}) or "")
    assert values.schema_error(chart, {"tag": "2"}) is None


def test_the_linter_returns_messages(chart: Path) -> None:
    assert manifests.lint(chart) == ()
    (chart / "Chart.yaml").write_text(CHART.replace("icon: https://icon.example/x.svg", ""))
    (message,) = manifests.lint(chart)
    assert (message.severity, message.path, message.text) == (manifests.Severity.INFO, "Chart.yaml", "icon is recommended")
    template(chart, "{{ .Values.tag")
    assert max(m.severity for m in manifests.lint(chart)) is manifests.Severity.ERROR


def test_a_container_inherits_the_security_context_of_its_pod(chart: Path) -> None:
    (found,) = workloads(manifests.render(chart))
    first, main = found.containers
    assert (first.name, first.init, first.security.run_as_user, first.probes) == ("first", True, 1000, {})
    assert main.security == Security(5, None, True, "RuntimeDefault", True, None, None, ("ALL",), ())
    assert main.env == {"LEVEL": Variable("low"), "URL": Variable(secret=("s", "k")), "ME": Variable(field="metadata.name")}
    assert main.probes == {"livenessProbe": {"tcpSocket": {"port": 1}}}
    assert found.long_running


@pytest.mark.parametrize("version", kubernetes_schemas.VERSIONS)
def test_every_unknown_or_invalid_field_is_found(chart: Path, version: str) -> None:
    template(chart, DEPLOYMENT.replace('image: "x:{{ .Values.tag }}"', "imagee: x\n          ports: [{containerPort: eighty}]"))
    found = {(error.path, error.text.split(" (")[0]) for error in kubernetes_schemas.schema_errors(manifests.render(chart), version)}
    assert ("spec.template.spec.containers.0", "Additional properties are not allowed") in found
    assert ("spec.template.spec.containers.0.ports.0.containerPort", '"eighty" is not of type "integer"') in found


def test_a_kind_without_a_schema_is_reported(chart: Path) -> None:
    template(chart, "{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: {name: x}, spec: {any: thing}}")
    (error,) = kubernetes_schemas.schema_errors(manifests.render(chart), "1.34")
    assert (error.manifest.kind, error.text) == ("ScaledObject", kubernetes_schemas.NO_SCHEMA)


def test_a_version_without_schemas_is_an_error(chart: Path) -> None:
    with pytest.raises(ProbeError, match=r"no schemas of Kubernetes 1\.3\. Available: "):
        kubernetes_schemas.schema_errors(manifests.render(chart), "1.3")


def test_a_flip_shows_what_a_value_changes(chart: Path) -> None:
    container = "spec.template.spec.containers.main"
    assert flips(chart) == (
        Flip("level", "low", "high", (Place("Deployment", "one", f"{container}.env.LEVEL.value"),)),
        Flip("part.enabled", False, True, (Place("ConfigMap", "part", ""),)),
        Flip("part.size", 3, 7_654_321, ()),
        Flip("tag", "1", "sha256:" + 64 * "7", (Place("Deployment", "one", f"{container}.image"),)),
        Flip("unread", 7, 6, ()),
    )


def test_a_value_of_a_disabled_component_is_flipped_where_it_is_enabled(chart: Path) -> None:
    (size,) = flips(chart, ("part.size",), [{}, {"part": {"enabled": True}}])
    assert size.places == (Place("ConfigMap", "part", "data.size"),)


def test_a_hard_coded_tag_changes_nothing(chart: Path) -> None:
    template(chart, DEPLOYMENT.replace("{{ .Values.tag }}", "1"))
    (tag,) = flips(chart, ("tag",))
    assert tag.places == ()


def test_a_value_that_the_schema_fixes_is_reported_as_not_tried(chart: Path) -> None:
    fixed = {**SCHEMA, "properties": {**SCHEMA["properties"], "tag": {"const": "1"}}}
    (chart / "values.schema.json").write_text(json.dumps(fixed))
    assert flips(chart, ("tag",)) == (Flip("tag", None, None, ()),)


@pytest.mark.parametrize(
    ("after", "texts", "missing"),
    [
        (["a", "b"], ("a,b",), []),
        (["a", "b"], ("key", "a", "other", "b"), []),
        (["a", "b"], ("a",), ["b"]),
        (["a", "b"], ("b", "a"), ["b"]),
        (["a", "b"], ("a b",), ["a", "b"]),
        ([{"peer": {"cidr": "x"}, "port": 7}], ("to", "cidr", "x", "port", "7"), []),
        ("Mixed", ("mixed",), ["Mixed"]),
        ("9", ("image:9@sha256:1",), []),
        ("9", ("image:19",), ["9"]),
        (7654321, ("7.654321e+06",), ["7654321"]),
        (7654321, ("7654321",), []),
        ({"label": "value"}, ("value",), []),
    ],
)
def test_what_an_object_does_not_state_of_a_value_is_found(after: object, texts: tuple[str, ...], missing: list[str]) -> None:
    flip = Flip("value", None, after, (), {("Deployment", "one"): texts})
    assert flip.missing() == ({"Deployment one": missing} if missing else {})


def test_a_flip_has_what_each_changed_object_states(chart: Path) -> None:
    (level,) = flips(chart, ("level",))
    assert level.stated == {("Deployment", "one"): ("high",)}
    template(chart, DEPLOYMENT.replace("{{ .Values.tag }}", "{{ .Values.tag | upper }}"))
    (tag,) = flips(chart, ("tag",))
    assert tag.missing() == {"Deployment one": [tag.after]}


def test_shipped_values_files_are_read_by_name(chart: Path) -> None:
    with pytest.raises(ProbeError, match="There is no values file"):
        values.shipped(chart)
    (chart / "ci").mkdir()
    (chart / "ci" / "default-values.yaml").write_text("# nothing\n")
    (chart / "ci" / "big-values.yaml").write_text("tag: '2'\n")
    assert values.shipped(chart) == {"big-values.yaml": {"tag": "2"}, "default-values.yaml": {}}
    (chart / "ci" / "big-values.yaml").write_text("tag: [")
    with pytest.raises(ProbeError, match="not YAML"):
        values.shipped(chart)
