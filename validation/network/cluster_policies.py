"""Reads network policies in a cluster, and adds or removes some for a while. Removed policies are restored exactly."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from kubernetes.client.exceptions import NotFoundException

from validation.core.errors import HarnessError
from validation.policies.evaluator import Policy
from validation.targets.cleanup import LABEL
from validation.targets.cluster.access import REQUEST_SECONDS, Cluster, api_call, to_dict

APPLY = "application/apply-patch+yaml"
SERVER_FIELDS = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")


def policies(cluster: Cluster, namespaces: Iterable[str]) -> tuple[Policy, ...]:
    """Read all policies in some namespaces.

    Raises:
        ProbeError: the API server refuses, or does not answer.
    """
    found = []
    for namespace in namespaces:
        with api_call(f"the network policies of {namespace}"):
            items = cluster.networking.list_namespaced_network_policy(namespace, _request_timeout=REQUEST_SECONDS).items
        found += [Policy(namespace, body["metadata"]["name"], body["spec"]) for body in map(to_dict, items)]
    return tuple(found)


@contextmanager
def added(cluster: Cluster, new: Iterable[Policy], run: str) -> Iterator[None]:
    """Add policies for the length of the block; they carry the run's label."""
    with ExitStack() as stack:
        for policy in new:
            metadata = {"name": policy.name, "namespace": policy.namespace, "labels": {LABEL: run}}
            body = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": policy.spec}
            stack.callback(_delete, cluster, policy)
            with api_call(f"a network policy in {policy.namespace}"):
                cluster.networking.create_namespaced_network_policy(policy.namespace, body, _request_timeout=REQUEST_SECONDS)
        yield


@contextmanager
def removed(cluster: Cluster, policy: Policy) -> Iterator[None]:
    """Remove a policy for the length of the block, then restore it with its labels and the name of its field manager.

    Raises:
        HarnessError: the policy could not be restored.
    """
    with api_call(f"policy {policy}"):
        before = cluster.networking.read_namespaced_network_policy(policy.name, policy.namespace, _request_timeout=REQUEST_SECONDS)
    body = to_dict(before)
    manager = next((entry.manager for entry in before.metadata.managed_fields or ()), "votecheck")
    body["metadata"] = {key: value for key, value in body["metadata"].items() if key not in SERVER_FIELDS}
    _delete(cluster, policy)
    try:
        yield
    finally:
        try:
            _restore(cluster, policy, body, manager)
        except (HarnessError, OSError) as error:
            raise HarnessError(f"Cannot restore policy {policy}: {error}", "", "helm upgrade, which creates it again") from None


def _restore(cluster: Cluster, policy: Policy, body: Mapping[str, Any], manager: str) -> None:
    with api_call(f"policy {policy}"):
        cluster.networking.patch_namespaced_network_policy(
            policy.name, policy.namespace, {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", **body},
            field_manager=manager, force=True, _content_type=APPLY, _request_timeout=REQUEST_SECONDS,
        )  # fmt: skip


def _delete(cluster: Cluster, policy: Policy) -> None:
    with api_call(f"policy {policy}"), suppress(NotFoundException):
        cluster.networking.delete_namespaced_network_policy(policy.name, policy.namespace, _request_timeout=REQUEST_SECONDS)
