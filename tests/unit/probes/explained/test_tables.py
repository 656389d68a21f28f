"""An explained table sees every field that differs, that nobody explained, or that is missing."""

from pathlib import Path
from typing import Any

import pytest

from validation.core.errors import HarnessError
from validation.core.settings import PROJECT
from validation.probes.chart import manifests, values
from validation.probes.explained import chart, compose, network, tables
from validation.probes.explained.tables import Rule

CHART = PROJECT / "chart"
RULE = Rule(("server *",), "votes stay", ("own",), False, {"sync": "always", "size": {"value": "size"}, "peers.*": {"like": "[a-z]+"}})
GIVEN = {"own": True, "size": 3}
GOOD = {"sync": "always", "size": 3, "peers.0": "api", "peers.1": "consumer"}


def test_what_is_explained_differs_in_nothing() -> None:
    assert list(tables.differences([RULE], "server a", GOOD, GIVEN)) == []
    assert list(tables.differences([RULE], "server a", GOOD | {"size": "3"}, GIVEN)) == [], "a value as text"


@pytest.mark.parametrize(
    "change",
    [{"sync": "everysec"}, {"sync": True}, {"size": 4}, {"size": "03"}, {"peers.0": "API"}, {"other": 1}, {"deeper.sync": "always"}],
    ids=str,
)
def test_each_other_field_is_a_difference(change: dict[str, Any]) -> None:
    assert len(list(tables.differences([RULE], "server a", GOOD | change, GIVEN))) == 1


@pytest.mark.parametrize("field", ["sync", "size"])
def test_each_missing_field_is_a_difference(field: str) -> None:
    without = {name: value for name, value in GOOD.items() if name != field}
    (found,) = tables.differences([RULE], "server a", without, GIVEN)
    assert "is missing: votes stay" in found


def test_a_rule_holds_only_under_its_values_and_for_its_objects() -> None:
    assert len(list(tables.differences([RULE], "server a", GOOD, {"own": False}))) == len(GOOD)
    assert len(list(tables.differences([RULE], "client a", GOOD, GIVEN))) == len(GOOD)
    assert list(tables.missing([Rule(("server a",), "why", ("!own",), False, {})], [], GIVEN)) == []
    assert list(tables.missing([Rule(("server a",), "why", ("own",), False, {})], [], GIVEN)) == ["server a: is missing"]
    assert list(tables.unexplained([RULE], ["server a", "client"], GIVEN)) == ["client: nothing explains this object"]


def test_a_rule_without_a_reason_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "FOLDER", tmp_path)
    (tmp_path / "table.toml").write_text('[[rule]]\nobjects = "a"\nwhy = " "\nfields = {}\n', encoding="utf-8")
    with pytest.raises(HarnessError, match="has no reason"):
        tables.read("table.toml")


def test_items_with_a_name_are_found_by_it() -> None:
    found = dict(tables.flatten({"env": [{"name": "A", "value": "1"}], "ports": [{"port": 1}, {"port": 2}], "none": {}, "words": ["x"]}))
    assert found == {"env.A.name": "A", "env.A.value": "1", "ports.0.port": 1, "ports.1.port": 2, "none": {}, "words": ["x"]}


@pytest.mark.parametrize("file", values.shipped(CHART))
def test_every_object_and_every_end_of_a_connection_is_explained(file: str) -> None:
    given = values.shipped(CHART)[file]
    rendered, merged = manifests.render(CHART, given), values.merged(CHART, given)
    assert chart.differences(rendered, merged) == []
    if merged["networkPolicies"]["enabled"]:
        assert network.differences(rendered, merged) == []


def test_every_default_and_every_field_of_compose_is_explained() -> None:
    assert chart.differing_defaults(values.merged(CHART)) == []
    assert compose.differences(compose.read(PROJECT)) == []
