"""Which scenarios run, how often and until when."""

import pytest

from validation.core.errors import UsageError
from validation.pytest_plugin.items import AT_CLUSTER, THOROUGH, checkpoints_of, is_scenario, lacks_rows, needs_of
from validation.pytest_plugin.stash import FAILED, SETTINGS


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each scenario tagged `at_cluster` a second time, on the installation in the cluster."""
    tags = {mark.name for mark in metafunc.definition.iter_markers()}
    if AT_CLUSTER in tags and "cluster" in metafunc.config.stash[SETTINGS].shows:
        metafunc.parametrize("place", ["target", "installed"], indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect scenarios that this target cannot run or that `--quick` skips.

    Raises:
        UsageError: a scenario has no checkpoint, or an outline has no row.
    """
    shows, quick = config.stash[SETTINGS].shows, config.stash[SETTINGS].quick
    deselected = [
        item
        for item in filter(is_scenario, items)
        if not shows.intersection(needs_of(item)) or (quick and item.get_closest_marker(THOROUGH))
    ]
    for item in filter(is_scenario, items):
        if not checkpoints_of(item):
            raise UsageError(f"Scenario {item.nodeid} has no checkpoint.", "its Rule has no @cp_ tag", "votecheck list")
        if lacks_rows(item):
            raise UsageError(f"Scenario {item.nodeid} is an outline without a row.", "a table of Examples is empty or missing")
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = [item for item in items if item not in deselected]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """Skip a scenario whose checkpoints have all failed already, when the run fails fast."""
    fail_fast = item.config.stash[SETTINGS].fail_fast and is_scenario(item)
    return True if fail_fast and {c.id for c in checkpoints_of(item)} <= item.config.stash[FAILED] else None
