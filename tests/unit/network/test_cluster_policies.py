"""Removed policies are restored exactly, whatever happens meanwhile."""

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
    """The part of the API server that is used here."""

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


@pytest.mark.parametrize("error", [None, RuntimeError])
def test_a_policy_is_restored_with_its_labels_and_field_manager(api: Api, error: type[Exception] | None) -> None:
    before = dict(api.there)

    def remove() -> None:
        with cluster_policies.removed(cluster(api), DENIAL):
            assert api.there == {}
            if error:
                raise error

    if error:
        with pytest.raises(error):
            remove()
    else:
        remove()
    assert api.there == before


def test_a_policy_that_cannot_be_restored_is_an_error(api: Api) -> None:
    with pytest.raises(HarnessError, match="Cannot restore policy here/default-deny"), cluster_policies.removed(cluster(api), DENIAL):
        api.refuses = True


def test_added_policies_are_removed_even_if_a_later_one_is_refused(api: Api) -> None:
    before = dict(api.there)
    with cluster_policies.added(cluster(api), [Policy("here", "own", SPEC)], "run"):
        assert api.there["own"]["labels"] == {"votecheck.run": "run"}
        api.refuses = True
        with pytest.raises(HarnessError, match="403"), cluster_policies.added(cluster(api), [Policy("here", "other", SPEC)], "run"):
            pass
    assert api.there == before
