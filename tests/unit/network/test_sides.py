"""What one end of a connection allows on its own, at every port where a decision can change."""

from typing import Any

from validation.policies.evaluator import Endpoint, Policy
from validation.policies.sides import tables

API, REDIS, WORLD = Endpoint("api", "api"), Endpoint("redis", "data"), Endpoint("world", ip="203.0.113.7")


def policy(namespace: str, **spec: Any) -> Policy:
    return Policy(namespace, "p", {"podSelector": {}, **spec})


def test_without_a_policy_everything_is_open() -> None:
    found = tables([], [API, REDIS], [WORLD])
    assert found["connections from api"] == {"redis": "any port", "world": "any port"}
    assert found["connections to redis"] == {"api": "any port", "world": "any port"}


def test_each_end_is_seen_alone() -> None:
    closed = policy("api", policyTypes=["Ingress", "Egress"])
    found = tables([closed, policy("data", policyTypes=["Ingress"], ingress=[{"ports": [{"port": 6379}]}])], [API, REDIS], [WORLD])
    assert found["connections from api"] == {}
    assert found["connections to redis"] == {"api": "TCP 6379", "world": "TCP 6379"}, "open here, although the other end is closed"


def test_a_range_is_written_as_one() -> None:
    ranged = policy(
        "data", policyTypes=["Ingress"], ingress=[{"ports": [{"port": 8000, "endPort": 8999}, {"port": 53, "protocol": "UDP"}]}]
    )
    assert tables([ranged], [REDIS], [WORLD])["connections to redis"] == {"world": "TCP 8000-8999, UDP 53"}
