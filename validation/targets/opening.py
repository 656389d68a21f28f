"""The target that a run's settings name."""

from validation.core.settings import RunSettings
from validation.targets.containers.target import ContainersTarget
from validation.targets.launching import LaunchingTarget
from validation.targets.local.target import LocalTarget

BY_NAME: dict[str, type[LaunchingTarget]] = {"local": LocalTarget, "containers": ContainersTarget, "cluster": ContainersTarget}
"""A run on a cluster also launches parts in containers, for scenarios that stop or break them.

The installation in the cluster is `validation.targets.cluster.installation`.
"""


def open_target(settings: RunSettings) -> LaunchingTarget:
    """Return the launching target that the settings name, not yet started."""
    return BY_NAME[settings.target](settings)
