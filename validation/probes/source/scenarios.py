"""The scenarios as the feature files write them. pytest-bdd's own model keeps one of two that share a name."""

from dataclasses import dataclass
from pathlib import Path

from pytest_bdd.exceptions import GherkinParseError
from pytest_bdd.gherkin_parser import Scenario as Parsed
from pytest_bdd.gherkin_parser import Tag, get_gherkin_document

from validation.core.errors import ProbeError


@dataclass(frozen=True, slots=True)
class Written:
    """One scenario.

    Attributes:
        feature: its file.
        name: its name; of an outline, with the placeholders.
        tags: its own, its rule's and its feature's.
        examples: the rows of its tables, without the headings.
        steps: with their keywords; of an outline, with the placeholders.
    """

    feature: str
    name: str
    tags: tuple[str, ...]
    examples: tuple[tuple[str, ...], ...]
    steps: tuple[str, ...]

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """The tags that name a checkpoint."""
        return tuple(tag for tag in self.tags if tag.startswith("cp_"))


def read(source: Path) -> list[Written]:
    """Read every scenario below `features/`.

    Raises:
        ProbeError: a file is not Gherkin.
    """
    return [one for file in sorted((source / "features").rglob("*.feature")) for one in _file(source, file)]


def _file(source: Path, file: Path) -> list[Written]:
    try:
        feature = get_gherkin_document(str(file)).feature
    except GherkinParseError as error:
        raise ProbeError(f"{file.relative_to(source)} is not Gherkin: {error}") from error
    path = str(file.relative_to(source))
    found = []
    for child in feature.children:
        if child.scenario:
            found.append(_written(path, child.scenario, feature.tags))
        elif child.rule:
            found += [_written(path, inner.scenario, [*feature.tags, *child.rule.tags]) for inner in child.rule.children if inner.scenario]
    return found


def _written(path: str, scenario: Parsed, above: list[Tag]) -> Written:
    tags = tuple(sorted({tag.name.lstrip("@") for tag in [*above, *scenario.tags]}))
    rows = tuple(tuple(cell.value for cell in row.cells) for table in scenario.examples for row in table.table_body or ())
    return Written(path, scenario.name, tags, rows, tuple(f"{step.keyword} {step.text}" for step in scenario.steps))
