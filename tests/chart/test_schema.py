"""The schema rejects unknown and unusable values before anything is installed."""

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


def open_objects(schema: Mapping[str, Any], at: str = "values") -> Iterator[str]:
    """Yield the objects in a schema that accept keys it does not name."""
    if schema.get("type") == "object" and "additionalProperties" not in schema:
        yield at
    for word in ("properties", "definitions"):
        for name, inner in schema.get(word, {}).items():
            yield from open_objects(inner, f"{at}.{name}")
    if "items" in schema:
        yield from open_objects(schema["items"], f"{at}[]")


@pytest.mark.parametrize("path", list(sections(probe.merged(CHART))), ids=lambda path: ".".join(path) or "top")
def test_a_misspelt_key_is_rejected_at_every_level(path: tuple[str, ...]) -> None:
    refusal = probe.schema_error(CHART, nested((*path, "misspelt"), "x"))
    assert refusal is not None
    assert "misspelt" in refusal


@pytest.mark.parametrize("path", [key for key, _ in probe.leaves(probe.merged(CHART))] + [*sections(probe.merged(CHART))][1:], ids=".".join)
def test_removing_a_default_is_rejected_with_a_message_that_names_it(path: tuple[str, ...]) -> None:
    refusal = probe.schema_error(CHART, nested(path, None))
    assert refusal is not None
    assert path[-1] in refusal


def test_every_object_of_the_schema_is_closed() -> None:
    assert list(open_objects(probe.schema(CHART) or {})) == []


def test_every_value_in_the_schema_has_a_default() -> None:
    schema, defaults = probe.schema(CHART) or {}, probe.merged(CHART)

    def missing(described: Mapping[str, Any], value: Any, at: str) -> Iterator[str]:
        if "$ref" in described:
            described = schema["definitions"][described["$ref"].rpartition("/")[2]]
        for name, inner in described.get("properties", {}).items():
            yield from missing(inner, value[name], f"{at}.{name}") if name in value else [f"{at}.{name}"]

    assert list(missing(schema, defaults, "")) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("networkPolicies.dns.peers", [{"podSelectors": {"matchLabels": {"a": "b"}}}]),
        ("networkPolicies.dns.peers", [{"podSelector": {"matchLabel": {"a": "b"}}}]),
        ("networkPolicies.dns.peers", [{}]),  # would match every pod
        ("networkPolicies.dns.peers", []),  # so would this
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
def test_an_unusable_value_is_rejected(path: str, value: Any) -> None:
    assert probe.schema_error(CHART, nested(tuple(path.split(".")), value)) is not None


def test_the_defaults_and_every_shipped_values_file_are_accepted() -> None:
    assert [probe.schema_error(CHART, values) for values in ({}, *probe.shipped(CHART).values())] == [None] * 8
