"""A value that the chart does not know, or cannot use, is an error before anything is installed."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.chart.values_table import CHART
from validation.probes.chart import values as probe


def sections(values: Mapping[str, Any], under: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield under
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from sections(value, (*under, key))


def nested(path: tuple[str, ...], value: Any) -> Any:
    for key in reversed(path):
        value = {key: value}
    return value


def closed(schema: Mapping[str, Any], at: str = "values") -> Iterator[str]:
    """List the objects in a schema that take keys it does not name."""
    if schema.get("type") == "object" and "additionalProperties" not in schema:
        yield at
    for word in ("properties", "definitions"):
        for name, inner in schema.get(word, {}).items():
            yield from closed(inner, f"{at}.{name}")
    if "items" in schema:
        yield from closed(schema["items"], f"{at}[]")


@pytest.mark.parametrize("path", list(sections(probe.merged(CHART))), ids=lambda path: ".".join(path) or "top")
def test_a_misspelt_key_is_refused_at_every_level(path: tuple[str, ...]) -> None:
    refusal = probe.refusal(CHART, nested((*path, "misspelt"), "x"))
    assert refusal is not None
    assert "misspelt" in refusal


@pytest.mark.parametrize("path", [key for key, _ in probe.leaves(probe.merged(CHART))] + [*sections(probe.merged(CHART))][1:], ids=".".join)
def test_a_default_taken_away_is_refused_in_words_and_not_by_a_crash(path: tuple[str, ...]) -> None:
    refusal = probe.refusal(CHART, nested(path, None))
    assert refusal is not None
    assert path[-1] in refusal


def test_no_object_of_the_schema_is_open() -> None:
    assert list(closed(probe.schema(CHART) or {})) == []


def test_every_value_of_the_schema_has_a_default() -> None:
    schema, defaults = probe.schema(CHART) or {}, probe.merged(CHART)

    def without(described: Mapping[str, Any], value: Any, at: str) -> Iterator[str]:
        if "$ref" in described:
            described = schema["definitions"][described["$ref"].rpartition("/")[2]]
        for name, inner in described.get("properties", {}).items():
            yield from without(inner, value[name], f"{at}.{name}") if name in value else [f"{at}.{name}"]

    assert list(without(schema, defaults, "")) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("networkPolicies.dns.peers", [{"podSelectors": {"matchLabels": {"a": "b"}}}]),
        ("networkPolicies.dns.peers", [{"podSelector": {"matchLabel": {"a": "b"}}}]),
        ("networkPolicies.dns.peers", [{}]),  # would be every pod there is
        ("networkPolicies.dns.peers", []),  # and so would this
        ("networkPolicies.externalData", [{"peer": {"ipBlock": {"cidr": "192.0.2.1/32"}}}]),
        ("networkPolicies.dns.ports", [0]),
        ("images.api.tag", "no spaces"),
        ("images.api.digest", "sha256:short"),
        ("images.pullPolicy", "Sometimes"),
        ("api.corsOrigins", ["*"]),
        ("api.rateLimit", "many"),
        ("api.replicas", 0),
        ("api.replicas", "2"),
        ("api.resources.limits.memory", "256 MB"),
        ("consumer.batchSize", 0),
        ("consumer.batchSize", None),
        ("consumer.blockMs", 60_001),
        ("consumer.maxRetries", 1.5),
        ("consumer.logLevel", "info"),
        ("consumer.streamName", ""),
        ("redis.url", "redis.example:6379"),
        ("postgres.url", "mysql://db.example/x"),
        ("redis.maxmemory", "all"),
        ("voteOptions", []),
        ("voteOptions", ["cats", "cats"]),
        ("voteOptions", ["cats,dogs"]),
        ("namespaces.prefix", "Voting"),
    ],
)
def test_a_value_that_cannot_work_is_refused(path: str, value: Any) -> None:
    assert probe.refusal(CHART, nested(tuple(path.split(".")), value)) is not None


def test_the_values_as_they_are_and_every_shipped_file_are_taken() -> None:
    assert [probe.refusal(CHART, values) for values in ({}, *probe.shipped(CHART).values())] == [None] * 6
