"""The scenarios that a run has to plan: read from the features and from the list beside the registry, not from what pytest collects."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from validation.core.errors import ProbeError, UsageError
from validation.core.settings import RunSettings
from validation.core.shards import balanced, with_costs
from validation.probes.source.choice import chooses
from validation.probes.source.scenarios import Scenario, filled, read
from validation.pytest_plugin.items import places, runs, tagged_with
from validation.record.events import HarnessFailed, Required
from validation.record.recorder import Recorder
from validation.registry.checkpoints import registry
from validation.registry.durations import Share, Unit, recorded
from validation.registry.scenarios import LISTED, Rows, listed, missing


def record_required(recorder: Recorder, project: Path, settings: RunSettings, scope: Collection[str], share: Share = None) -> None:
    """Record what `required` yields; features that cannot be read are a harness error."""
    try:
        for one in required(project, settings, scope, share):
            recorder.emit(one)
    except ProbeError as error:
        recorder.emit(HarnessFailed(str(error)))


def required(project: Path, settings: RunSettings, scope: Collection[str], share: Share = None) -> Iterator[Required]:
    """Yield every scenario of the checkpoints in scope that this target can run, its file named as by pytest-bdd: folder and name.

    Args:
        project: the folder with `features/`.
        settings: the settings of the run.
        scope: ids of checkpoints.
        share: what this shard runs of it.

    Raises:
        ProbeError: a feature file is not Gherkin.
    """
    written = read(project)
    yield from _deleted(project, settings, scope, rows_of(written))
    for one in written:
        checkpoints = [c.id for c in tagged_with(one.tags)]
        units = list(_due(one, settings))
        if units and not set(scope).isdisjoint(checkpoints):
            here = None if share is None else sum(unit in share for unit in units)
            yield Required(feature_of(one), one.name, checkpoints, len(units), here)


def share_of(project: Path, settings: RunSettings, scope: Collection[str]) -> Share:
    """Return what a shard runs of the scenarios that `required` yields, balanced by their recorded durations; None without a shard.

    Raises:
        ProbeError: a feature file is not Gherkin.
        UsageError: there are fewer scenarios than shards.
    """
    if settings.shard is None:
        return None
    costs = _costs(project, settings, scope)
    if len(costs) < settings.shard.of:
        raise UsageError(
            f"--shard {settings.shard} leaves a shard without a scenario: there are {len(costs)} to share.",
            "more shards than this selection has scenarios",
            "votecheck run --shard 1/2",
        )
    return frozenset(balanced(costs, settings.shard.of)[settings.shard.number - 1])


def split(project: Path, settings: RunSettings, scope: Collection[str], share: Share) -> list[Share]:
    """Return what each process of a run runs of these scenarios, balanced by their recorded durations. None of them runs nothing.

    Args:
        project: the folder with `features/`.
        settings: the settings of the run, with its number of processes.
        scope: ids of checkpoints.
        share: what this shard runs; None: everything.
    """
    try:
        costs = {unit: cost for unit, cost in _costs(project, settings, scope).items() if share is None or unit in share}
    except ProbeError:
        return [share]  # `record_required` has recorded why
    return [frozenset(part) for part in balanced(costs, settings.processes) if part]


def _costs(project: Path, settings: RunSettings, scope: Collection[str]) -> dict[Unit, float]:
    """Return the seconds that each unit of the chosen scenarios is expected to take."""
    written = [one for one in read(project) if not set(scope).isdisjoint(c.id for c in tagged_with(one.tags))]
    return with_costs((unit for one in written for unit in _due(one, settings)), recorded(project))


def feature_of(one: Scenario) -> str:
    """Return the file of a scenario as pytest-bdd names it: folder and name."""
    return "/".join(Path(one.feature).parts[-2:])


def _due(one: Scenario, settings: RunSettings) -> Iterator[Unit]:
    """Yield what runs of a scenario: the unit of each row that is chosen and that this target can run, once for each place."""
    # A scenario that is not an outline counts as one row. Each table of an outline may have tags of its own.
    tables = [(table.tags, [filled(one.name, table.headings, row) for row in table.rows]) for table in one.tables]
    for of_table, names in tables or [((), [one.name])]:
        tags = (*of_table, *one.tags)
        if runs(tags, settings):
            for name in names:
                if chooses(settings.scenarios, one.name, name):
                    yield from [(feature_of(one), name)] * max(1, len(places(tags, settings)))


def rows_of(written: Iterable[Scenario]) -> dict[str, dict[str, int]]:
    """Return the scenarios of each checkpoint, in the order of the registry, with their number of rows."""
    found: dict[str, dict[str, int]] = {identifier: {} for identifier in registry()}
    for one in written:
        for checkpoint in tagged_with(one.tags):
            names = found[checkpoint.id]
            names[one.name] = names.get(one.name, 0) + (len(one.examples) if one.tables else 1)
    return found


def _deleted(project: Path, settings: RunSettings, scope: Collection[str], written: Rows) -> Iterator[Required]:
    """Yield what the list of scenarios has and the features lack: nothing will plan it, so its checkpoint is not proven."""
    for identifier, name, rows, found in missing(listed(project), written):
        if identifier in scope and chooses(settings.scenarios, name):
            here = None if settings.shard is None else rows - found if settings.shard.number == 1 else 0
            yield Required(str(LISTED), f"{name} (listed, {found} of {rows} written)", [identifier], rows - found, here)
