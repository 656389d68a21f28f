"""Installs, upgrades, rolls back and removes releases of the chart. Helm's library runs in this process, so no binary is needed."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import helm_python as helm

from validation.core.errors import TargetUnavailable
from validation.targets.cluster.access import Cluster

SECONDS = 180


class Release:
    """One release. `namespace` is where Helm keeps its records.

    Raises:
        TargetUnavailable: from every method, with Helm's message.
    """

    def __init__(self, cluster: Cluster, name: str, namespace: str = "default") -> None:
        self.cluster, self.name, self.namespace = cluster, name, namespace

    def install(self, chart: Path, values: Mapping[str, Any]) -> None:
        """Install the chart, and wait until everything is ready."""
        with self._helm(f"install of {self.name}") as config:
            config.install(chart, self.name, dict(values), wait="watcher", timeout=SECONDS)

    def upgrade(self, chart: Path, values: Mapping[str, Any]) -> None:
        """Upgrade to a chart, and wait until everything is ready."""
        with self._helm(f"upgrade of {self.name}") as config:
            config.upgrade(chart, self.name, dict(values), wait="watcher", timeout=SECONDS)

    def rollback(self) -> None:
        """Roll back to the previous revision, and wait until everything is ready."""
        with self._helm(f"rollback of {self.name}") as config:
            config.rollback(self.name, wait="watcher", timeout=SECONDS)

    def test(self) -> None:
        """Run the chart's own test, which must pass. Its pod stays, with its log."""
        with self._helm(f"test of {self.name}") as config:
            config.test(self.name, timeout=SECONDS)

    def values(self) -> dict[str, Any]:
        """Return all values of the release, defaults included."""
        with self._helm(f"values of {self.name}") as config:
            return dict(config.get_values(self.name, all_values=True))

    def uninstall(self) -> None:
        """Remove the release if it exists."""
        with self._helm(f"uninstall of {self.name}") as config:
            config.uninstall(self.name, ignore_not_found=True, timeout=SECONDS, wait="watcher")

    @contextmanager
    def _helm(self, what: str) -> Iterator[helm.Config]:
        several = os.pathsep in self.cluster.kubeconfig  # Helm itself merges the files that KUBECONFIG lists
        kubeconfig = None if several else self.cluster.kubeconfig
        try:
            with helm.Config(kubeconfig_path=kubeconfig, kube_context=self.cluster.context, namespace=self.namespace) as config:
                yield config
        except helm.HelmError as error:
            raise TargetUnavailable(f"The {what} failed: {str(error).strip()[-600:]}", "", "kubectl get pods --all-namespaces") from None
