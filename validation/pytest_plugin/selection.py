"""Which scenarios run, how often and until when."""

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from validation.core.errors import UsageError
from validation.probes.source.choice import chooses
from validation.pytest_plugin.items import (
    checkpoints_of,
    is_scenario,
    lacks_rows,
    name_of,
    places,
    runs,
    tags_of,
    template_name_of,
    unit_of,
)
from validation.pytest_plugin.stash import FAILED, SETTINGS, SHARE

_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_./+-]+")
"""What an id may not have, so that `-k` takes it and it reads well: spaces, quotes, brackets, what is not ASCII."""
ID_MAX = 80


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each scenario tagged `at_cluster` a second time, on the installation in the cluster. Name rows so that `-k` can select them."""
    for mark in metafunc.definition.iter_markers("parametrize"):
        if mark.args[0] == "_pytest_bdd_example":
            mark.args[1][:] = _selectable(mark.args[1])
    if names := places({mark.name for mark in metafunc.definition.iter_markers()}, metafunc.config.stash[SETTINGS]):
        metafunc.parametrize("place", names, indirect=True)


def _selectable(rows: Iterable[Any]) -> Iterator[Any]:
    """Yield rows of Examples, each with an id of its own that `-k` takes."""
    ids = set[str]()
    for row in rows:
        words = _NOT_IN_IDS.sub("_", row.id)[:ID_MAX].replace("_-", "-").replace("-_", "-").strip("_-") or "row"
        candidates = itertools.chain([words], (f"{words}-{number}" for number in itertools.count(2)))
        identifier = next(one for one in candidates if one not in ids)
        ids.add(identifier)
        yield row._replace(id=identifier)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect scenarios that this target cannot run, that `--quick` skips, `--scenario` leaves out or other shards run.

    Raises:
        UsageError: a scenario has no checkpoint, or an outline has no row.
    """
    settings, share = config.stash[SETTINGS], config.stash.get(SHARE, None)
    deselected = [
        item
        for item in filter(is_scenario, items)
        if not runs(tags_of(item), settings)
        or not chooses(settings.scenarios, template_name_of(item), name_of(item))
        or (share is not None and unit_of(item) not in share)
    ]
    for item in filter(is_scenario, items):
        if not checkpoints_of(item):
            raise UsageError(f"Scenario {item.nodeid} has no checkpoint.", "its Rule has no @cp_ tag", "votecheck list")
        if lacks_rows(item):
            raise UsageError(f"Scenario {item.nodeid} is an outline without a row.", "a table of Examples is empty or missing")
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = [item for item in items if item not in deselected]
    if settings.first_finding and settings.scenarios:
        order = {name: place for place, name in enumerate(settings.scenarios)}
        last = len(order)
        items.sort(key=lambda item: min(order.get(name_of(item), last), order.get(template_name_of(item), last)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """Skip a scenario whose checkpoints have all failed already, when the run fails fast, or after any finding."""
    settings, failed = item.config.stash[SETTINGS], item.config.stash[FAILED]
    if not is_scenario(item):
        return None
    decided = settings.fail_fast and {c.id for c in checkpoints_of(item)} <= failed
    found = settings.first_finding and bool(failed)
    return True if decided or found else None
