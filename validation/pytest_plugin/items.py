"""What a pytest item is to the harness: its scenario, steps, checkpoints and fidelity."""

from collections.abc import Collection, Iterable, Mapping

import pytest
from pytest_bdd.parser import ScenarioTemplate, render_string
from pytest_bdd.scenario import scenario_wrapper_template_registry
from pytest_bdd.utils import registry_get_safe

from validation.core.settings import FIDELITIES, RunSettings, highest
from validation.pytest_plugin.stash import SETTINGS
from validation.registry.checkpoints import Checkpoint, registry
from validation.registry.durations import Unit

AT_CLUSTER = "at_cluster"
THOROUGH = "thorough"
NEEDS_TAGS = {f"needs_{name}": name for name in FIDELITIES}


def template_of(item: pytest.Item) -> ScenarioTemplate | None:
    """Return the scenario of an item as written in its feature, or None for any other test."""
    return registry_get_safe(scenario_wrapper_template_registry, getattr(item, "obj", None))


def is_scenario(item: pytest.Item) -> bool:
    """Return whether an item runs a scenario."""
    return template_of(item) is not None


def example_of(item: pytest.Item) -> Mapping[str, str]:
    """Return the row of examples that an item's scenario runs with; empty for a scenario that is not an outline."""
    parameters = getattr(item, "callspec", None)
    row: Mapping[str, str] = parameters.params.get("_pytest_bdd_example", {}) if parameters else {}
    return row


def template_name_of(item: pytest.Item) -> str:
    """Return the name of an item's scenario as written in its feature."""
    template = template_of(item)
    return template.name if template else item.name


def name_of(item: pytest.Item) -> str:
    """Return the name of an item's scenario, filled with its row of examples."""
    template = template_of(item)
    return render_string(template.name, example_of(item)) if template else item.name


def unit_of(item: pytest.Item) -> Unit:
    """Return what an item belongs to when scenarios are split over shards: its feature, and its name filled with its row."""
    template = template_of(item)
    return (template.feature.rel_filename if template else "", name_of(item))


def lacks_rows(item: pytest.Item) -> bool:
    """Return whether an item's scenario is an outline with no Examples or an empty table of them."""
    template = template_of(item)
    if template is None:
        return False
    return any(not table.examples for table in template.examples) or (template.keyword != "Scenario" and not template.examples)


def checkpoints_of(item: pytest.Item) -> list[Checkpoint]:
    """Return the checkpoints that an item's scenario is tagged with."""
    return tagged_with(tags_of(item))


def tags_of(item: pytest.Item) -> list[str]:
    """Return the tags of an item's scenario, the innermost first."""
    return [mark.name for mark in item.iter_markers()]


def tagged_with(tags: Collection[str]) -> list[Checkpoint]:
    """Return the checkpoints that tags name."""
    return [c for c in registry().values() if c.mark in tags]


def needs(tags: Collection[str]) -> set[str]:
    """Return the fidelities a scenario with these tags can run at: its own, or else what its checkpoints need. `files` for neither."""
    tagged = _tagged_need(tags)
    return {tagged} if tagged else {need for checkpoint in tagged_with(tags) for need in checkpoint.needs} or {"files"}


def runs(tags: Collection[str], settings: RunSettings) -> bool:
    """Return whether a scenario with these tags runs: this target offers what it needs, and `--quick` does not skip it."""
    return bool(settings.shows & needs(tags)) and not (settings.quick and THOROUGH in tags)


def places(tags: Collection[str], settings: RunSettings) -> list[str]:
    """Return the places that a scenario with these tags votes on in turn; empty when it votes on one place only."""
    return ["target", "installed"] if AT_CLUSTER in tags and "cluster" in settings.shows else []


def _tagged_need(tags: Iterable[str]) -> str | None:
    return next((NEEDS_TAGS[tag] for tag in tags if tag in NEEDS_TAGS), None)


def place_of(item: pytest.Item) -> str:
    """Return the name of the fixture whose system an item votes on: `target`, or `installed` for the installation in the cluster."""
    parameters = getattr(item, "callspec", None)
    tagged = "installed" if _tagged_need(tags_of(item)) == "cluster" else "target"
    return str(parameters.params.get("place", tagged) if parameters else tagged)


def fidelity_of(item: pytest.Item) -> str:
    """Return the fidelity an item ran at. A running system has the fidelity of the target that runs it."""
    need = _tagged_need(tags_of(item)) or checkpoints_of(item)[0].needs[0]
    if place_of(item) == "installed":
        return "cluster"
    return highest(item.config.stash[SETTINGS].shows - {"cluster"}) if need == "local" else need
