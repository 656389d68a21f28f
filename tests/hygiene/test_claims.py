"""The registry of claims is complete, quotes the documents, and names what exists."""

import pytest

from tests.hygiene import promises
from validation.core.settings import PROJECT
from validation.defects.catalogue import catalogue
from validation.probes.source import markdown
from validation.probes.source.claims import problems
from validation.registry.claims import claims

COVERED = [subject for claim in claims().values() for subject in claim.covers]


def test_every_claim_quotes_its_page_and_names_what_exists() -> None:
    caught = {defect.id: defect.caught_by for defect in catalogue().values()}
    assert "\n".join(problems(claims().values(), PROJECT, caught)) == ""


@pytest.mark.parametrize("kind", promises.KINDS)
def test_everything_that_is_documented_has_a_claim_and_every_claim_is_about_something_documented(kind: str) -> None:
    documented = {f"{kind} {name}" for name in promises.KINDS[kind]()}
    assert documented
    covered = {subject for subject in COVERED if subject.startswith(f"{kind} ")}
    assert sorted(documented - covered) == [], f"add a claim that covers it to validation/registry/claims, if only with {'unproven'!r}"
    assert sorted(covered - documented) == []


def test_a_claim_covers_only_kinds_that_are_documented() -> None:
    assert [subject for subject in COVERED if not subject.startswith(tuple(f"{kind} " for kind in promises.KINDS))] == []


@pytest.mark.parametrize("page", promises.PAGES)
def test_every_row_of_a_table_and_every_item_of_a_list_has_a_claim(page: str) -> None:
    own = [claim for claim in claims().values() if claim.page == page]
    texts = [one for one in markdown.texts((PROJECT / page).read_text(encoding="utf-8")) if one.kind in ("row", "item")]
    assert texts
    assert [one for one in texts if not any(one.says(claim.sentence, claim.section) for claim in own)] == []


def test_the_log_events_and_their_fields_are_documented() -> None:
    rows = markdown.table_rows((PROJECT / promises.PROGRAMS).read_text(encoding="utf-8"))
    documented = {row[0].strip("`") for row in rows if promises.CODE.fullmatch(row[0])}
    assert documented == set(promises.events())
    assert sorted(promises.logged_fields() - set(promises.event_fields()) - {"consumer_starting.version"}) == []
