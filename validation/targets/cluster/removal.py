"""Removes a managed release: the release, its four namespaces, and their volumes.

A run notes its release on disk before it installs it. Cleanup then removes the release, even in a later run after a `kill -9`:
cleanup itself knows nothing about clusters, so `removers.py` registers this module with it.
"""

import contextlib
import json
from pathlib import Path

from kubernetes.client.exceptions import NotFoundException

from validation.core.errors import TargetUnavailable
from validation.core.protocol import LAYERS
from validation.core.waiting import eventually
from validation.targets import cleanup
from validation.targets.cluster.access import REQUEST_SECONDS, Cluster, api_call
from validation.targets.cluster.helm import Release

GONE_SECONDS = 90.0


def note_release(folder: Path, release: Release, prefix: str) -> None:
    """Note in a run's folder which release is about to be installed, and in which cluster."""
    cluster = release.cluster
    note = {"kubeconfig": cluster.kubeconfig, "context": cluster.context, "name": release.name, "namespace": release.namespace}
    (folder / cleanup.RELEASE_FILE).write_text(json.dumps(note | {"prefix": prefix}), encoding="utf-8")


def remove_noted(note: str) -> list[str]:
    """Remove the release that a note describes and return what is left."""
    return remove(**json.loads(note))


def remove(kubeconfig: str, context: str, name: str, namespace: str, prefix: str) -> list[str]:
    """Uninstall a managed release, delete its namespaces, and return what is left."""
    try:
        cluster = Cluster(kubeconfig, context)
        _uninstall(Release(cluster, name, namespace))
        with api_call("the namespaces"):
            names = {f"{prefix}-{layer}" for layer in LAYERS}
            for one in names & cluster.namespaces().keys():
                with contextlib.suppress(NotFoundException):  # it was terminating already
                    cluster.core.delete_namespace(one, _request_timeout=REQUEST_SECONDS)
            gone = eventually(lambda: names & cluster.namespaces().keys(), lambda still: not still, within=GONE_SECONDS, every=0.5)
        return [f"namespace {one} still exists" for one in sorted(gone.value)]
    except Exception as error:  # noqa: BLE001 - any failure is a leftover to report; the rest must still be cleaned up
        return [f"release {name} in context {context} could not be removed: {error}"]


def _uninstall(release: Release) -> None:
    try:
        release.uninstall()
    except TargetUnavailable:  # another run may be removing it at the same moment; by now there is nothing left to uninstall
        release.uninstall()
