"""Removes what a run has installed in a cluster: the release, its four namespaces, and the volumes in them."""

import contextlib

from kubernetes.client.exceptions import NotFoundException

from validation.core.errors import TargetUnavailable
from validation.core.protocol import LAYERS
from validation.core.waiting import eventually
from validation.targets.cluster.access import ASK_SECONDS, Cluster, asking
from validation.targets.cluster.helm import Release

GONE_SECONDS = 90.0


def remove(kubeconfig: str, context: str, name: str, namespace: str, prefix: str) -> list[str]:
    """Uninstall a release of ours and delete its namespaces; tell what is left."""
    try:
        cluster = Cluster(kubeconfig, context)
        _uninstall(Release(cluster, name, namespace))
        with asking("the namespaces"):
            names = {f"{prefix}-{layer}" for layer in LAYERS}
            for one in names & cluster.namespaces().keys():
                with contextlib.suppress(NotFoundException):  # it was on its way out already
                    cluster.core.delete_namespace(one, _request_timeout=ASK_SECONDS)
            gone = eventually(lambda: names & cluster.namespaces().keys(), lambda still: not still, within=GONE_SECONDS, every=0.5)
        return [f"namespace {one} is still there" for one in sorted(gone.value)]
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and the rest is cleaned up
        return [f"release {name} in context {context}: {error}"]


def _uninstall(release: Release) -> None:
    try:
        release.uninstall()
    except TargetUnavailable:  # another harness may be cleaning up at the same moment; then there is nothing to uninstall now
        release.uninstall()
