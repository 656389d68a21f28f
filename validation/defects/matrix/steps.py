"""Each step that observes something, as its feature writes it: which defects only it sees, and why it stays where there are none."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from validation.core.errors import HarnessError
from validation.core.settings import PROJECT
from validation.defects.matrix.matrix import Matrix
from validation.defects.results import Seen
from validation.probes.source.scenarios import read
from validation.registry.checkpoints import registry

KEPT = Path(__file__).parent / "redundant_steps.toml"
PLACEHOLDER = re.compile(r"<[^<>]+>")


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a checkpoint; of an outline, with its placeholders."""

    checkpoint: str
    text: str


@dataclass(frozen=True, slots=True)
class Sight:
    """What a step sees of the defects in a matrix.

    Attributes:
        alone: the defects that no other step sees: without it they would ship.
        beside: those that others see as well.
        stays: why it stays, if it is never the only one; empty: nobody has said so.
    """

    step: Step
    alone: tuple[str, ...]
    beside: tuple[str, ...]
    stays: str = ""


def sights(matrix: Matrix, kept: Mapping[Step, str] | None = None) -> tuple[Sight, ...]:
    """Tell what each step that observes something sees, in the order of the checkpoints.

    Args:
        matrix: what fell by what; its observations of the unchanged system say which steps there are.
        kept: why steps stay that are never the only one; without it what `redundant_steps.toml` says.
    """
    reasons = read_kept() if kept is None else kept
    alone: dict[Step, list[str]] = {step_of(one): [] for one in matrix.observed}
    beside: dict[Step, list[str]] = {}
    for row in matrix.rows:
        steps = dict.fromkeys(map(step_of, row.wrong))
        for step in steps:
            alone.setdefault(step, []).extend([row.defect] if len(steps) == 1 else ())
            beside.setdefault(step, []).extend([row.defect] if len(steps) > 1 else ())
    order = [*matrix.columns, *{step.checkpoint for step in alone}.difference(matrix.columns)]
    return tuple(
        Sight(step, tuple(alone[step]), tuple(beside.get(step, ())), reasons.get(step, ""))
        for step in sorted(alone, key=lambda step: order.index(step.checkpoint))
    )


@cache
def step_of(seen: Seen) -> Step:
    """Give the step that an observation belongs to; where no feature writes it so, it is its own."""
    fitting = [text for pattern, text in written().get(seen.checkpoint, ()) if pattern.fullmatch(seen.step)]
    return Step(seen.checkpoint, fitting[0] if fitting else seen.step)


@cache
def written(source: Path = PROJECT) -> dict[str, tuple[tuple[re.Pattern[str], str], ...]]:
    """Give the steps of each checkpoint as the features write them, each with what fits it: first those without a placeholder."""
    found: dict[str, dict[str, None]] = {}
    marks = {one.mark: one.id for one in registry().values()}
    for scenario in read(source):
        for mark in scenario.checkpoints:
            found.setdefault(marks.get(mark, mark), {}).update(dict.fromkeys(scenario.steps))
    return {
        checkpoint: tuple((re.compile(".+".join(map(re.escape, PLACEHOLDER.split(text)))), text) for text in sorted(texts, key=_is_open))
        for checkpoint, texts in found.items()
    }


def _is_open(text: str) -> bool:
    return bool(PLACEHOLDER.search(text))


@cache
def read_kept(file: Path = KEPT) -> dict[Step, str]:
    """Read why steps stay that are never the only one to see a defect.

    Raises:
        HarnessError: a step is told of twice.
    """
    found: dict[Step, str] = {}
    for entry in tomllib.loads(file.read_text(encoding="utf-8")).get("kept", ()):
        for told in entry["steps"]:
            checkpoints, _, text = told.partition(": ")
            for checkpoint in checkpoints.split():
                if (step := Step(checkpoint, text)) in found:
                    raise HarnessError(f"{file.name} says twice why a step of {checkpoint} stays: {text}")
                found[step] = entry["why"]
    return found
