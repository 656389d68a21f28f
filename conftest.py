"""Lists the plugin and the step modules, and those that only a session at a cluster loads."""

import pytest

from validation.session import SETTINGS

pytest_plugins = [
    "validation.plugin",
    "features.steps.parts",
    "features.steps.api",
    "features.steps.votes",
    "features.steps.results",
    "features.steps.stream",
    "features.steps.consumer",
    "features.steps.variables",
    "features.steps.end_to_end",
    "features.steps.images",
    "features.steps.confinement",
    "features.steps.scanning",
    "features.steps.chart",
    "features.steps.chart_values",
    "features.steps.chart_pods",
    "features.steps.chart_probes",
    "features.steps.chart_programs",
    "features.steps.chart_test_pod",
    "features.steps.chart_outside",
    "features.steps.heartbeat",
    "features.steps.crash_points",
    "features.steps.api_crash_points",
    "features.steps.clients",
    "features.steps.storm",
    "features.steps.two_consumers",
    "features.steps.operators",
    "features.steps.network",
    "features.steps.source",
    "features.steps.documents",
]

AT_A_CLUSTER = (
    "features.steps.cluster",
    "features.steps.cluster_state",
    "features.steps.cluster_operations",
    "features.steps.network_live",
)
"""Steps that only a cluster is judged by. A cluster's client takes a second to import, which no other session needs."""


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Add the steps about a cluster where there is one."""
    if "cluster" in config.stash[SETTINGS].shows:
        for module in AT_A_CLUSTER:
            config.pluginmanager.import_plugin(module)
