"""Loads the plugin, the shared fixtures and every step module; those for a cluster only when the target is one."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from validation.pytest_plugin.stash import SETTINGS

pytest_plugins = ["validation.pytest_plugin.plugin"]

PROJECT = Path(__file__).parent
MODULES = ("features/support/[!_]*.py", "features/support/*/[!_]*.py", "features/steps/*/[!_]*.py")
CLUSTER = "cluster"
"""The folders whose modules need a cluster. Its client takes a second to import, which other sessions do not spend."""


def modules(*, with_cluster: bool) -> Iterator[str]:
    """Yield the name of each module of `features/support/` and `features/steps/`."""
    for file in (file for pattern in MODULES for file in sorted(PROJECT.glob(pattern))):
        if with_cluster or file.parent.name != CLUSTER:
            yield ".".join(file.relative_to(PROJECT).with_suffix("").parts)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Load the modules once the plugin knows the target."""
    for name in modules(with_cluster=CLUSTER in config.stash[SETTINGS].shows):
        config.pluginmanager.register(import_module(name), name)
