"""The scenarios of the feature files, read by the Gherkin parser. pytest-bdd's own model keeps only one of two that share a name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from gherkin.errors import CompositeParserException, ParserError
from gherkin.parser import Parser
from pytest_bdd.gherkin_parser import Feature, GherkinDocument, Step, Tag
from pytest_bdd.gherkin_parser import Scenario as Parsed

from validation.core.errors import ProbeError


@dataclass(frozen=True, slots=True)
class Table:
    """A table of examples of an outline."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    tags: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario, as written.

    Attributes:
        feature: its file.
        name: its name; of an outline, with the placeholders.
        tags: its own, its rule's and its feature's, without the @.
        tables: its tables of examples.
        steps: keyword and text; of an outline, with the placeholders.
        background: the steps before them, of its feature and its rule.
        line: the line on which it begins.
        data: the first cells of the tables that its steps have.
    """

    feature: str
    name: str
    tags: tuple[str, ...]
    tables: tuple[Table, ...]
    steps: tuple[str, ...]
    background: tuple[str, ...] = ()
    line: int = 0
    data: tuple[str, ...] = ()

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """The tags that name a checkpoint."""
        return tuple(tag for tag in self.tags if tag.startswith("cp_"))

    @property
    def examples(self) -> tuple[tuple[str, ...], ...]:
        """The rows of all tables, without the headings."""
        return tuple(row for table in self.tables for row in table.rows)

    def names(self) -> Iterator[str]:
        """Yield its name, filled with each row of examples; as written if it is not an outline."""
        rows = [(table.headings, row) for table in self.tables for row in table.rows]
        yield from (filled(self.name, headings, row) for headings, row in rows) if rows else (self.name,)

    def texts(self) -> Iterator[tuple[str, ...]]:
        """Yield the texts that each step can have, without its keyword: one for each row of examples that fills its placeholders."""
        for step in (*self.background, *self.steps):
            _, _, text = step.partition(" ")
            found = {filled(text, table.headings, row) for table in self.tables for row in table.rows}
            yield tuple(sorted(found)) or (text,)


def read(source: Path) -> list[Scenario]:
    """Return every scenario below `features/`.

    Raises:
        ProbeError: a file is not Gherkin.
    """
    files = sorted((source / "features").rglob("*.feature"))
    return [one for file in files for one in parse(file.read_text(encoding="utf-8"), str(file.relative_to(source)))]


def parse(text: str, name: str) -> list[Scenario]:
    """Return the scenarios of one feature file; an empty file has none.

    Args:
        text: what it contains.
        name: its path, for the scenarios and the error.

    Raises:
        ProbeError: it is not Gherkin.
    """
    return list(_parsed(text, name))


@lru_cache(100)  # several parts of a run read the same files, and the parser is slow
def _parsed(text: str, name: str) -> tuple[Scenario, ...]:
    try:
        document = Parser().parse(text)
    except (ParserError, CompositeParserException) as error:
        raise ProbeError(f"{name} is not Gherkin: {error}") from error
    return tuple(_of_feature(name, GherkinDocument.from_dict(document).feature)) if document.get("feature") else ()


def _of_feature(name: str, feature: Feature) -> Iterator[Scenario]:
    before = [step for child in feature.children if child.background for step in child.background.steps]
    for child in feature.children:
        if child.scenario:
            yield _written(name, child.scenario, feature.tags, before)
        elif child.rule:
            of_rule = [step for inner in child.rule.children if inner.background for step in inner.background.steps]
            for inner in child.rule.children:
                if inner.scenario:
                    yield _written(name, inner.scenario, [*feature.tags, *child.rule.tags], [*before, *of_rule])


def _written(name: str, scenario: Parsed, above: Sequence[Tag], before: Sequence[Step]) -> Scenario:
    return Scenario(
        feature=name,
        name=scenario.name,
        tags=tuple(sorted({tag.name.lstrip("@") for tag in [*above, *scenario.tags]})),
        tables=tuple(
            Table(
                tuple(cell.value for cell in table.table_header.cells),
                tuple(tuple(cell.value for cell in row.cells) for row in table.table_body or ()),
                tuple(tag.name.lstrip("@") for tag in table.tags),
                tuple(row.location.line for row in table.table_body or ()),
            )
            for table in scenario.examples
            if table.table_header
        ),
        steps=tuple(map(_line, scenario.steps)),
        background=tuple(map(_line, before)),
        line=scenario.location.line,
        data=tuple(row.cells[0].value for step in scenario.steps if step.datatable for row in step.datatable.rows if row.cells),
    )


def _line(step: Step) -> str:
    return f"{step.keyword} {step.text}"


def filled(text: str, headings: Sequence[str], row: Sequence[str]) -> str:
    """Return a text whose placeholders are filled with a row of examples."""
    for heading, value in zip(headings, row, strict=True):
        text = text.replace(f"<{heading}>", value)
    return text
