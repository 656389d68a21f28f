"""Loads the plugin and every step module; those about a cluster only when the target is one."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from validation.pytest_plugin.stash import SETTINGS

pytest_plugins = ["validation.pytest_plugin.plugin"]

PROJECT = Path(__file__).parent
CLUSTER_STEPS = "features/steps/cluster"
"""The steps that only a cluster can run. A cluster's client takes a second to import, which no other session needs."""


def step_modules(*, at_a_cluster: bool) -> Iterator[str]:
    """Yield the name of each module in `features/support/` and in each folder of `features/steps/`."""
    for file in sorted([*PROJECT.glob("features/support/[!_]*.py"), *PROJECT.glob("features/steps/*/[!_]*.py")]):
        if at_a_cluster or not file.is_relative_to(PROJECT / CLUSTER_STEPS):
            yield ".".join(file.relative_to(PROJECT).with_suffix("").parts)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Load the step modules, once the plugin knows the target."""
    for name in step_modules(at_a_cluster="cluster" in config.stash[SETTINGS].shows):
        config.pluginmanager.register(import_module(name), name)
