"""Registers who removes what a run can note in its folder. The cluster's client is imported only when there is something to remove."""

from validation.targets import cleanup


def register_all() -> None:
    """Register every remover. Each program that cleans up calls this once, when it starts."""
    cleanup.register_remover(cleanup.RELEASE_FILE, _remove_release)


def _remove_release(note: str) -> list[str]:
    from validation.targets.cluster.removal import remove_noted  # noqa: PLC0415 - the client takes a second to import

    return remove_noted(note)
