"""Network policies in a cluster: read, added for a while, taken away for a while. What was taken away is put back as it was."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from kubernetes.client.exceptions import NotFoundException

from validation.core.errors import HarnessError
from validation.policies.evaluator import Policy
from validation.targets.cleanup import LABEL
from validation.targets.cluster.access import REQUEST_SECONDS, Cluster, api_call, to_dict

APPLY = "application/apply-patch+yaml"
OF_THE_SERVER = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")


def policies(cluster: Cluster, namespaces: Iterable[str]) -> tuple[Policy, ...]:
    """Read all policies of some namespaces.

    Raises:
        ProbeError: the API server refuses, or is silent.
    """
    found = []
    for namespace in namespaces:
        with api_call(f"the network policies of {namespace}"):
            items = cluster.networking.list_namespaced_network_policy(namespace, _request_timeout=REQUEST_SECONDS).items
        found += [Policy(namespace, body["metadata"]["name"], body["spec"]) for body in map(to_dict, items)]
    return tuple(found)


@contextmanager
def added(cluster: Cluster, new: Iterable[Policy], run: str) -> Iterator[None]:
    """Add policies of the run's own for as long as the block lasts."""
    with ExitStack() as stack:
        for policy in new:
            metadata = {"name": policy.name, "namespace": policy.namespace, "labels": {LABEL: run}}
            body = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": policy.spec}
            stack.callback(_delete, cluster, policy)
            with api_call(f"a network policy in {policy.namespace}"):
                cluster.networking.create_namespaced_network_policy(policy.namespace, body, _request_timeout=REQUEST_SECONDS)
        yield


@contextmanager
def without(cluster: Cluster, policy: Policy) -> Iterator[None]:
    """Take a policy away for as long as the block lasts, and put it back with its labels, under the name of who manages its fields.

    Raises:
        HarnessError: it could not be put back.
    """
    with api_call(f"policy {policy}"):
        before = cluster.networking.read_namespaced_network_policy(policy.name, policy.namespace, _request_timeout=REQUEST_SECONDS)
    body = to_dict(before)
    manager = next((entry.manager for entry in before.metadata.managed_fields or ()), "votecheck")
    body["metadata"] = {key: value for key, value in body["metadata"].items() if key not in OF_THE_SERVER}
    _delete(cluster, policy)
    try:
        yield
    finally:
        try:
            _put_back(cluster, policy, body, manager)
        except (HarnessError, OSError) as error:
            raise HarnessError(f"Policy {policy} could not be put back: {error}", "", "helm upgrade, which makes it again") from None


def _put_back(cluster: Cluster, policy: Policy, body: Mapping[str, Any], manager: str) -> None:
    with api_call(f"policy {policy}"):
        cluster.networking.patch_namespaced_network_policy(
            policy.name, policy.namespace, {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", **body},
            field_manager=manager, force=True, _content_type=APPLY, _request_timeout=REQUEST_SECONDS,
        )  # fmt: skip


def _delete(cluster: Cluster, policy: Policy) -> None:
    with api_call(f"policy {policy}"), suppress(NotFoundException):
        cluster.networking.delete_namespaced_network_policy(policy.name, policy.namespace, _request_timeout=REQUEST_SECONDS)
