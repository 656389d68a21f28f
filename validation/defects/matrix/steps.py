"""The steps that observe something: which defects only they catch, and why the others are kept."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from validation.core.errors import HarnessError
from validation.core.settings import PROJECT
from validation.defects.matrix.matrix import Matrix
from validation.defects.results import Observation
from validation.probes.source.scenarios import read
from validation.registry.checkpoints import registry

REDUNDANT = Path(__file__).parent / "redundant_steps.toml"
PLACEHOLDER = re.compile(r"<[^<>]+>")


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a checkpoint as its feature writes it; of an outline, with the placeholders."""

    checkpoint: str
    text: str


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step catches in a matrix.

    Attributes:
        alone: the defects that no other step catches: without it they would ship.
        shared: the defects that other steps catch too.
        reason: why it is kept although it catches none alone; empty: no reason is stated.
    """

    step: Step
    alone: tuple[str, ...]
    shared: tuple[str, ...]
    reason: str = ""


def step_results(matrix: Matrix, reasons: Mapping[Step, str] | None = None) -> tuple[StepResult, ...]:
    """Return what each step that observes something catches, in the order of the checkpoints.

    Args:
        matrix: the matrix; its observations of the unchanged system say which steps exist.
        reasons: why redundant steps are kept; by default, those of `redundant_steps.toml`.
    """
    stated = read_reasons() if reasons is None else reasons
    alone: dict[Step, list[str]] = {step_of(one): [] for one in matrix.observed}
    shared: dict[Step, list[str]] = {}
    for row in matrix.rows:
        steps = dict.fromkeys(map(step_of, row.wrong))
        for step in steps:
            alone.setdefault(step, []).extend([row.defect] if len(steps) == 1 else ())
            shared.setdefault(step, []).extend([row.defect] if len(steps) > 1 else ())
    order = [*matrix.columns, *{step.checkpoint for step in alone}.difference(matrix.columns)]
    return tuple(
        StepResult(step, tuple(alone[step]), tuple(shared.get(step, ())), stated.get(step, ""))
        for step in sorted(alone, key=lambda step: order.index(step.checkpoint))
    )


@cache
def step_of(one: Observation) -> Step:
    """Return the step that an observation belongs to. If no feature contains it, return the step as it was recorded."""
    matching = [text for pattern, text in written().get(one.checkpoint, ()) if pattern.fullmatch(one.step)]
    return Step(one.checkpoint, matching[0] if matching else one.step)


@cache
def written(source: Path = PROJECT) -> dict[str, tuple[tuple[re.Pattern[str], str], ...]]:
    """Return the steps of each checkpoint as the features write them, each with a pattern; those without a placeholder come first."""
    found: dict[str, dict[str, None]] = {}
    marks = {one.mark: one.id for one in registry().values()}
    for scenario in read(source):
        for mark in scenario.checkpoints:
            found.setdefault(marks.get(mark, mark), {}).update(dict.fromkeys(scenario.steps))
    return {
        checkpoint: tuple(
            (re.compile(".+".join(map(re.escape, PLACEHOLDER.split(text)))), text) for text in sorted(texts, key=_has_placeholder)
        )
        for checkpoint, texts in found.items()
    }


def _has_placeholder(text: str) -> bool:
    return bool(PLACEHOLDER.search(text))


@cache
def read_reasons(file: Path = REDUNDANT) -> dict[Step, str]:
    """Return why redundant steps are kept.

    Raises:
        HarnessError: a step is listed twice.
    """
    found: dict[Step, str] = {}
    for entry in tomllib.loads(file.read_text(encoding="utf-8")).get("redundant", ()):
        for line in entry["steps"]:
            checkpoints, _, text = line.partition(": ")
            for checkpoint in checkpoints.split():
                if (step := Step(checkpoint, text)) in found:
                    raise HarnessError(f"{file.name} lists a step of {checkpoint} twice: {text}")
                found[step] = entry["reason"]
    return found
