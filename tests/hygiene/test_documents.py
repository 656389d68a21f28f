import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hygiene.reference_pages import cli, http_api, metrics, results_json
from validation.core.settings import PROJECT
from validation.probes.source import generated, markdown

MADE: dict[str, Callable[[], str]] = {
    generated.CHECKPOINTS: lambda: generated.checkpoints(PROJECT),
    generated.CLAIMS: generated.claims,
    generated.CONFIGURATION: lambda: generated.configuration(PROJECT),
    "docs/reference/cli.md": cli.page,
    "docs/reference/http-api.md": http_api.page,
    "docs/reference/metrics.md": metrics.page,
    "docs/reference/results-json.md": results_json.page,
}
REGENERATE = os.environ.get("VOTECHECK_REGENERATE") == "1"
"""Read here, because collecting the features builds the environment anew."""
DOCUMENTS = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md"), *(PROJECT / "chart").rglob("*.md")])


@pytest.mark.parametrize("name", MADE)
def test_a_generated_document_is_what_the_code_says(name: str) -> None:
    wanted = MADE[name]()
    if REGENERATE:
        (PROJECT / name).write_text(wanted, encoding="utf-8")
    assert (PROJECT / name).read_text(encoding="utf-8") == wanted, "run again with VOTECHECK_REGENERATE=1"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(PROJECT)))
def test_every_link_inside_the_project_leads_somewhere(document: Path) -> None:
    links = [link.partition("#")[0] for link in markdown.links(document.read_text(encoding="utf-8"))]
    gone = [link for link in links if link and "://" not in link and not (document.parent / link).exists()]
    assert not gone


def test_the_numbers_of_the_decisions_have_no_gap() -> None:
    numbers = [int(file.name[:4]) for file in sorted((PROJECT / "docs" / "adr").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("decision", sorted((PROJECT / "docs" / "adr").glob("*.md")), ids=lambda file: file.name[:4])
def test_a_decision_has_its_four_parts(decision: Path) -> None:
    written = decision.read_text(encoding="utf-8")
    assert re.findall(r"^(Status|## Context|## Decision|## Consequences)", written, re.MULTILINE) == [
        "Status",
        "## Context",
        "## Decision",
        "## Consequences",
    ]


@pytest.mark.parametrize("record", sorted((PROJECT / "docs" / "results" / "phases").glob("*.md")), ids=lambda file: file.stem)
def test_a_record_counts_nothing_that_the_next_scenario_makes_another_number(record: Path) -> None:
    assert not re.findall(r"\d+ (?:observations?|scenarios?|defects?)\b", record.read_text(encoding="utf-8"))
