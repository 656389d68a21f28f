"""Where the system runs. A target starts parts of the system, hands out their addresses, and takes everything away again."""

from validation.core.settings import RunSettings
from validation.targets.base import Target
from validation.targets.containers.target import ContainersTarget
from validation.targets.local.target import LocalTarget

BY_NAME: dict[str, type[Target]] = {"local": LocalTarget, "containers": ContainersTarget, "cluster": ContainersTarget}
"""Beside a cluster, what needs parts of its own is judged in containers; what is installed there is `validation.targets.cluster`."""


def open_target(settings: RunSettings) -> Target:
    """Make the target that the settings name, not yet started."""
    return BY_NAME[settings.target](settings)
