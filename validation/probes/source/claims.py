"""The registry of claims, compared with the pages, the features, the tests and the defects that it names."""

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from validation.probes.source import markdown, scenarios
from validation.probes.source.documents import text
from validation.registry.checkpoints import registry
from validation.registry.claims import LOAD, TEST, Claim, Observation

_DEFINED = r"^\s*(?:async )?def {}\("
LOAD_SCENARIOS = "loadtests/scenarios.toml"


def problems(claims: Iterable[Claim], source: Path, defects: Mapping[str, Collection[str]]) -> list[str]:
    """Return what is wrong with claims, one line each; none if each is what its page says and names what exists.

    Args:
        claims: the claims.
        source: the directory of the project.
        defects: each seeded defect, with the checkpoints, `test: …` and `load: …` that must catch it.

    Raises:
        ProbeError: a page cannot be read, or a feature file is not Gherkin.
    """
    written = scenarios.read(source)
    return [f"{claim.id} {line}" for claim in claims for line in _of_claim(claim, source, written, defects)]


def _of_claim(claim: Claim, source: Path, written: Collection[scenarios.Scenario], defects: Mapping[str, Collection[str]]) -> Iterator[str]:
    page = text(source, claim.page)
    if not (says(page, claim.sentence, claim.section) if claim.page.endswith(".md") else claim.sentence in page):
        yield f"quotes what {claim.page} does not say{f' below {claim.section!r}' * bool(claim.section)}: {claim.sentence}"
    for one in claim.observations:
        if problem := _of_observation(one, source, written):
            yield problem
    yield from (f"names the defect {one}, which does not exist" for one in claim.defects if one not in defects)
    caught = {one.caught for one in claim.observations}
    known = [one for one in claim.defects if one in defects]
    yield from (f"names {one}, which must be caught by none of its observations" for one in known if not caught & set(defects[one]))
    named = {by for one in known for by in defects[one]}
    if not claim.unproven:
        yield from (f"names no defect that {one} must catch" for one in sorted(caught - named))


def says(page: str, sentence: str, section: str = "") -> bool:
    """Return whether a page says a sentence in one paragraph, heading, table row or line of code.

    Args:
        page: its Markdown.
        sentence: without emphasis and links.
        section: the heading above it; empty: any.
    """
    return any(one.says(sentence, section) for one in _shown(page))


@cache
def _shown(page: str) -> tuple[markdown.Text, ...]:
    return tuple(markdown.texts(page))


def _of_observation(one: Observation, source: Path, written: Collection[scenarios.Scenario]) -> str:
    if one.by == TEST:
        file, _, name = one.what.partition("::")
        name = name.rpartition("::")[2].partition("[")[0]
        found = (source / file).is_file() and re.search(_DEFINED.format(re.escape(name)), text(source, file), re.MULTILINE)
        return "" if found else f"names the test {one.what}, which does not exist"
    if one.by == LOAD:
        known = tomllib.loads(text(source, LOAD_SCENARIOS))
        return "" if one.what in known else f"names the load scenario {one.what}, which does not exist"
    if one.by not in registry():
        return f"names the checkpoint {one.by}, which does not exist"
    mark = registry()[one.by].mark
    having = [s for s in written if mark in s.checkpoints and one.what in map(_bare, (*s.background, *s.steps))]
    if not having:
        return f"names a step that {one.by} does not have: {one.what}"
    if one.where and not any(one.where in _places(s) for s in having):
        return f"names a scenario or row that has no step {one.what!r} of {one.by}: {one.where}"
    return ""


def _bare(step: str) -> str:
    return step.partition(" ")[2]


def _places(scenario: scenarios.Scenario) -> set[str]:
    """Return the names of a scenario, and the first cells of its rows of examples and of its tables."""
    rows = [row[0] for table in scenario.tables for row in table.rows if row]
    return {scenario.name, *scenario.names(), *rows, *scenario.data}
