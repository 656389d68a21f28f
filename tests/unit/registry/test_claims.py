"""A claim is proven, or says why it is not; a file of claims that says neither is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from validation.core.errors import HarnessError
from validation.registry import claims
from validation.registry.claims import UNPROVEN, Observation, documents, proven

Write = Callable[[str], None]
COMPLETE = 'observed_by = ["5.1: the vote is accepted"]\ndefects = ["D84"]'


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a function that replaces the registry by one file with the given claims."""
    monkeypatch.setattr(claims, "CLAIMS", tmp_path)
    monkeypatch.setattr(claims, "documents", documents.__wrapped__)

    def put(entries: str) -> None:
        (tmp_path / "pages.toml").write_text(f'prefix = "page"\npage = "README.md"\n{entries}', encoding="utf-8")

    return put


def entry(rest: str, identifier: str = "page-1", sentence: str = "Votes count.") -> str:
    return f'[[claim]]\nid = "{identifier}"\nsentence = "{sentence}"\n{rest}\n'


def test_a_claim_with_observations_and_defects_is_proven_and_has_the_page_of_its_file(write: Write) -> None:
    write(entry(COMPLETE) + entry(f'page = "SECURITY.md"\n{COMPLETE}', "page-2"))
    one, other = claims.claims().values()
    assert (one.status, one.page, other.page) == ("PROVEN", "README.md", "SECURITY.md")


@pytest.mark.parametrize("given", ["", 'observed_by = ["5.1: the vote is accepted"]\n', 'defects = ["D84"]\n'])
def test_a_claim_without_observation_or_defect_is_unproven_and_says_why(write: Write, given: str) -> None:
    write(entry(given))
    with pytest.raises(HarnessError, match=r"page-1 of pages\.toml has no observation or no defect, and does not say why"):
        claims.claims()
    write(entry(f'{given}unproven = "nothing tries it"'))
    assert [claim.status for claim in claims.claims().values()] == [UNPROVEN]
    assert proven(claims.claims().values()) == 0


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        (entry(f'{COMPLETE}\nunproven = "but"'), "is proven and says why it is not"),
        (entry(COMPLETE, "other-1"), "needs an id such as page-1"),
        (entry(COMPLETE, "page-0"), "needs an id such as page-1"),
        (entry(COMPLETE, sentence=" "), "has no sentence"),
        (entry('observed_by = ["the vote is accepted"]\ndefects = ["D84"]'), "not of the form"),
        (entry(f'{COMPLETE}\nobserved = "5.1"'), "is not a list of claims"),
        (entry(COMPLETE) + entry(COMPLETE), "Two claims have the id page-1"),
    ],
    ids=["both", "prefix", "number", "sentence", "observation", "field", "twice"],
)
def test_a_wrong_entry_is_refused(write: Write, entries: str, problem: str) -> None:
    write(entries)
    with pytest.raises(HarnessError, match=problem):
        claims.claims()


def test_an_observation_is_a_step_of_a_checkpoint_and_may_be_of_one_row() -> None:
    read = claims._observation("5.1: the response is 422: it is not a vote @ Null is not a vote")
    assert read == Observation("5.1", "the response is 422: it is not a vote", "Null is not a vote")
    assert read.caught == "5.1"
    assert Observation("test", "tests/a.py::test_b").caught == "test: tests/a.py::test_b"


def test_a_step_of_a_run_is_found_by_its_text_with_placeholders() -> None:
    one = Observation("2.2", "/ready is 503 within 2 seconds and names <part>")
    assert one.is_step("Then /ready is 503 within 2 seconds and names the database")
    assert not one.is_step("And /ready is 503 within 2 seconds and names ")
    assert not one.is_step("And /ready is 503 within 3 seconds and names Redis")
