"""Policies that are taken away come back as they were, whatever happens meanwhile."""

from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes.client import ApiClient, V1ManagedFieldsEntry, V1NetworkPolicy, V1NetworkPolicySpec, V1ObjectMeta
from kubernetes.client.exceptions import ForbiddenException, NotFoundException

from validation.core.errors import HarnessError
from validation.network import cluster_policies
from validation.policies.evaluator import Policy

SPEC = {"podSelector": {}, "policyTypes": ["Ingress"]}
DENIAL = Policy("here", "default-deny", SPEC)


class Api:
    """As much of the API server as is asked here."""

    def __init__(self) -> None:
        self.api_client = ApiClient()
        self.there: dict[str, Any] = {"default-deny": {"labels": {"kept": "yes"}, "manager": "helm"}}
        self.refuses = False

    def read_namespaced_network_policy(self, name: str, namespace: str, **_: object) -> V1NetworkPolicy:
        entry = V1ManagedFieldsEntry(manager=self.there[name]["manager"], operation="Apply")
        metadata = V1ObjectMeta(name=name, namespace=namespace, uid="1", labels=self.there[name]["labels"], managed_fields=[entry])
        return V1NetworkPolicy(metadata=metadata, spec=V1NetworkPolicySpec(pod_selector={}, policy_types=["Ingress"]))

    def delete_namespaced_network_policy(self, name: str, namespace: str, **_: object) -> None:
        if name not in self.there:
            raise NotFoundException(404, f"no {name} in {namespace}")
        del self.there[name]

    def create_namespaced_network_policy(self, namespace: str, body: Any, **_: object) -> None:
        if self.refuses:
            raise ForbiddenException(403, f"not in {namespace}")
        self.there[body["metadata"]["name"]] = body["metadata"]

    def patch_namespaced_network_policy(self, name: str, namespace: str, body: Any, **how: Any) -> None:
        if self.refuses:
            raise ForbiddenException(403, f"not in {namespace}")
        assert body["spec"] == SPEC
        assert "uid" not in body["metadata"]
        self.there[name] = {"labels": body["metadata"]["labels"], "manager": how["field_manager"]}


@pytest.fixture
def api() -> Api:
    return Api()


def cluster(api: Api) -> Any:
    return SimpleNamespace(networking=api)


@pytest.mark.parametrize("trouble", [None, RuntimeError])
def test_it_comes_back_with_labels_and_manager(api: Api, trouble: type[Exception] | None) -> None:
    before = dict(api.there)

    def away() -> None:
        with cluster_policies.without(cluster(api), DENIAL):
            assert api.there == {}
            if trouble:
                raise trouble

    if trouble:
        with pytest.raises(trouble):
            away()
    else:
        away()
    assert api.there == before


def test_one_that_cannot_be_put_back_is_told(api: Api) -> None:
    with pytest.raises(HarnessError, match="here/default-deny could not be put back"), cluster_policies.without(cluster(api), DENIAL):
        api.refuses = True


def test_what_was_added_is_gone_afterwards_also_when_a_later_one_is_refused(api: Api) -> None:
    before = dict(api.there)
    with cluster_policies.added(cluster(api), [Policy("here", "own", SPEC)], "run"):
        assert api.there["own"]["labels"] == {"votecheck.run": "run"}
        api.refuses = True
        with pytest.raises(HarnessError, match="403"), cluster_policies.added(cluster(api), [Policy("here", "other", SPEC)], "run"):
            pass
    assert api.there == before
