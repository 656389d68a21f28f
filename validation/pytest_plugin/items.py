"""What an item of pytest is to the judge: its scenario and steps, its checkpoints, and what it can be judged at."""

import pytest
from pytest_bdd.parser import ScenarioTemplate, Step
from pytest_bdd.scenario import scenario_wrapper_template_registry
from pytest_bdd.utils import registry_get_safe

from validation.core.settings import FIDELITIES, highest
from validation.record.runs import SETTINGS
from validation.registry.checkpoints import Checkpoint, registry

AT_CLUSTER = "at_cluster"
THOROUGH = "thorough"
NEEDS_TAGS = {f"needs_{name}": name for name in FIDELITIES}


def template_of(item: pytest.Item) -> ScenarioTemplate | None:
    """Give the scenario that an item runs, as it is written; None for any other test."""
    return registry_get_safe(scenario_wrapper_template_registry, getattr(item, "obj", None))


def is_scenario(item: pytest.Item) -> bool:
    """Tell whether an item runs a scenario."""
    return template_of(item) is not None


def steps_of(item: pytest.Item) -> list[Step]:
    """Give the steps of an item's scenario, with the row of its examples filled in."""
    template = template_of(item)
    parameters = getattr(item, "callspec", None)
    return template.render(parameters.params.get("_pytest_bdd_example", {}) if parameters else {}).steps if template else []


def lacks_rows(item: pytest.Item) -> bool:
    """Tell whether an item's scenario is an outline that nothing fills in."""
    template = template_of(item)
    if template is None:
        return False
    return any(not table.examples for table in template.examples) or (template.keyword != "Scenario" and not template.examples)


def checkpoints_of(item: pytest.Item) -> list[Checkpoint]:
    """Give the checkpoints that an item's scenario is tagged with."""
    marks = {mark.name for mark in item.iter_markers()}
    return [c for c in registry().values() if c.mark in marks]


def needs_of(item: pytest.Item) -> set[str]:
    """Name what it can be judged at: its own tag, or one of what its checkpoints need. A scenario without one is refused elsewhere."""
    tagged = _tagged_need(item)
    return {tagged} if tagged else {need for checkpoint in checkpoints_of(item) for need in checkpoint.needs} or {"files"}


def _tagged_need(item: pytest.Item) -> str | None:
    return next((NEEDS_TAGS[mark.name] for mark in item.iter_markers() if mark.name in NEEDS_TAGS), None)


def place_of(item: pytest.Item) -> str:
    """Name the fixture with the system that an item votes on: the `target`, or what is `installed` in the cluster."""
    parameters = getattr(item, "callspec", None)
    tagged = "installed" if _tagged_need(item) == "cluster" else "target"
    return str(parameters.params.get("place", tagged) if parameters else tagged)


def fidelity_of(item: pytest.Item) -> str:
    """Name what it was judged at: a running system is as real as the target that runs it."""
    need = _tagged_need(item) or checkpoints_of(item)[0].needs[0]
    if place_of(item) == "installed":
        return "cluster"
    return highest(item.config.stash[SETTINGS].shows - {"cluster"}) if need == "local" else need
