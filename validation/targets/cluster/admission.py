"""What the API server says of objects that are shown to it and not made: a dry run in namespaces that live for that long."""

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
    """Show every object to the API server as a new one.

    Args:
        cluster: whose API server.
        manifests: the objects; their namespaces are made, and removed again.
        run: what the namespaces are labelled with.

    Returns:
        How many were looked at, what was refused and why, and the kinds that this cluster does not know.

    Raises:
        ProbeError: a namespace cannot be made.
    """
    every = tuple(manifests)
    spaces = sorted({m.namespace for m in every if m.namespace} | {m.name for m in every if m.kind == "Namespace"})
    looked, refused, unknown = 0, list[str](), set[str]()
    with cluster.client() as own:
        dynamic: Any = DynamicClient(own)  # type: ignore[no-untyped-call]
        try:
            for name in spaces:
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
                looked += 1
        finally:
            for name in spaces:
                with api_call(f"the end of {name}"):
                    cluster.core.delete_namespace(name, _request_timeout=REQUEST_SECONDS)
    return looked, refused, sorted(unknown)
