"""KEDA reads the URL of Redis from the values, and must read it as the consumer does."""

import base64

import pytest
from redis.asyncio import Connection, ConnectionPool

from system.urls import redis_url
from tests.chart.values_table import CHART
from validation.probes.chart.manifests import Manifest, render


def one(found: tuple[Manifest, ...], kind: str) -> Manifest:
    return next(m for m in found if m.kind == kind and m.namespace == "voting-consumer")


@pytest.mark.parametrize(
    ("url", "address", "database"),
    [
        ("", "redis.voting-data.svc:6379", "0"),
        ("redis://redis.example", "redis.example:6379", "0"),
        ("redis://redis.example/", "redis.example:6379", "0"),
        ("redis://:p%23@redis.example/5", "redis.example:6379", "5"),
        ("redis://u%40x:p%2Fw:@redis.example:7/2", "redis.example:7", "2"),
        ("redis://u@redis.example:7/2", "redis.example:7", "2"),
        ("rediss://:p@[2001:db8::1]/3", "[2001:db8::1]:6379", "3"),
        ("rediss://u:p@[2001:db8::1]:7/3?ssl_cert_reqs=none", "[2001:db8::1]:7", "3"),
    ],
)
def test_keda_reads_the_url_as_the_consumer_does(url: str, address: str, database: str) -> None:
    found = render(CHART, {"networkPolicies": {"enabled": False}, "consumer": {"keda": {"enabled": True}}, "redis": {"url": url}})
    used = ConnectionPool.from_url(redis_url(url or "redis://redis.voting-data.svc:6379/0")).make_connection()
    assert isinstance(used, Connection)
    for trigger in one(found, "ScaledObject").body["spec"]["triggers"]:
        metadata = trigger["metadata"]
        assert (metadata["address"], metadata["databaseIndex"]) == (address, database)
        assert metadata.get("unsafeSsl") == ("true" if "ssl_cert_reqs" in url else None)
    assert (address.replace("[", "").replace("]", ""), int(database)) == (f"{used.host}:{used.port}", int(used.db))
    login = {key: base64.b64decode(value).decode() for key, value in one(found, "Secret").body["data"].items()}
    parameters = [wanted["parameter"] for wanted in one(found, "TriggerAuthentication").body["spec"]["secretTargetRef"]]
    assert parameters == (["password", "username"] if used.username else ["password"])
    if url:
        assert (login.get("REDIS_USERNAME"), login["REDIS_PASSWORD"]) == (used.username, used.password or "")
