"""What a pytest item is to the harness: its scenario, steps, checkpoints and fidelity."""

from collections.abc import Mapping

import pytest
from pytest_bdd.parser import ScenarioTemplate
from pytest_bdd.scenario import scenario_wrapper_template_registry
from pytest_bdd.utils import registry_get_safe

from validation.core.settings import FIDELITIES, highest
from validation.pytest_plugin.stash import SETTINGS
from validation.registry.checkpoints import Checkpoint, registry

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


def lacks_rows(item: pytest.Item) -> bool:
    """Return whether an item's scenario is an outline with no Examples or an empty table of them."""
    template = template_of(item)
    if template is None:
        return False
    return any(not table.examples for table in template.examples) or (template.keyword != "Scenario" and not template.examples)


def checkpoints_of(item: pytest.Item) -> list[Checkpoint]:
    """Return the checkpoints that an item's scenario is tagged with."""
    marks = {mark.name for mark in item.iter_markers()}
    return [c for c in registry().values() if c.mark in marks]


def needs_of(item: pytest.Item) -> set[str]:
    """Return the fidelities an item can run at: its own tag, or else what its checkpoints need. `files` when it has neither."""
    tagged = _tagged_need(item)
    return {tagged} if tagged else {need for checkpoint in checkpoints_of(item) for need in checkpoint.needs} or {"files"}


def _tagged_need(item: pytest.Item) -> str | None:
    return next((NEEDS_TAGS[mark.name] for mark in item.iter_markers() if mark.name in NEEDS_TAGS), None)


def place_of(item: pytest.Item) -> str:
    """Return the name of the fixture whose system an item votes on: `target`, or `installed` for the installation in the cluster."""
    parameters = getattr(item, "callspec", None)
    tagged = "installed" if _tagged_need(item) == "cluster" else "target"
    return str(parameters.params.get("place", tagged) if parameters else tagged)


def fidelity_of(item: pytest.Item) -> str:
    """Return the fidelity an item ran at. A running system has the fidelity of the target that runs it."""
    need = _tagged_need(item) or checkpoints_of(item)[0].needs[0]
    if place_of(item) == "installed":
        return "cluster"
    return highest(item.config.stash[SETTINGS].shows - {"cluster"}) if need == "local" else need
