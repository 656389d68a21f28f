"""Whether the API server would admit objects: a dry run, in namespaces that are created for it and deleted afterwards."""

from collections.abc import Iterable
from typing import Any

import urllib3
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ResourceNotFoundError

from validation.probes.chart.manifests import Manifest
from validation.targets.cleanup import LABEL
from validation.targets.cluster.access import REQUEST_SECONDS, Cluster, api_call


def refusals(cluster: Cluster, manifests: Iterable[Manifest], run: str) -> tuple[int, list[str], list[str]]:
    """Create every object as a dry run.

    Args:
        cluster: the cluster whose API server is asked.
        manifests: the objects. Their namespaces are created, and deleted again.
        run: the run's id, which the namespaces carry as a label.

    Returns:
        How many objects were checked, what was refused and why, and the kinds that this cluster does not know.

    Raises:
        ProbeError: a namespace cannot be created or deleted.
    """
    every = tuple(manifests)
    namespaces = sorted({m.namespace for m in every if m.namespace} | {m.name for m in every if m.kind == "Namespace"})
    checked, refused, unknown = 0, list[str](), set[str]()
    with cluster.client() as own:
        dynamic: Any = DynamicClient(own)  # type: ignore[no-untyped-call]
        try:
            for name in namespaces:
                with api_call(f"the namespace {name}"):
                    space = client.V1Namespace(metadata=client.V1ObjectMeta(name=name, labels={LABEL: run}))
                    cluster.core.create_namespace(space, _request_timeout=REQUEST_SECONDS)
            for manifest in (m for m in every if m.kind != "Namespace"):
                try:
                    kind = dynamic.resources.get(api_version=manifest.body["apiVersion"], kind=manifest.kind)
                    dynamic.create(
                        kind,
                        body=dict(manifest.body),
                        namespace=manifest.namespace or None,
                        dry_run="All",
                        _request_timeout=REQUEST_SECONDS,
                    )
                except ResourceNotFoundError:
                    unknown.add(manifest.kind)
                    continue
                except (ApiException, urllib3.exceptions.HTTPError) as error:
                    refused.append(f"{manifest.kind} {manifest.name}: {str(getattr(error, 'body', error))[:300]}")
                checked += 1
        finally:
            for name in namespaces:
                with api_call(f"the deletion of {name}"):
                    cluster.core.delete_namespace(name, _request_timeout=REQUEST_SECONDS)
    return checked, refused, sorted(unknown)
