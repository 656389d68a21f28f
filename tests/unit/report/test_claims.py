"""What a run says about a claim follows from the observations that the claim names."""

from collections.abc import Callable
from typing import Any

import pytest

from validation.registry.claims import UNPROVEN, Claim, Document
from validation.report import claims, html, markdown, results_json
from validation.report.claims import Standing
from validation.report.model import load

RIGHT, WRONG = ("answer", "201", "201"), ("answer", "201", "500")
GIVEN = (
    Claim("a-1", "Votes are <b>accepted</b>.", "README.md", observed_by=("5.1: it is right",), defects=("D84",)),
    Claim("a-2", "Another step of 5.1.", "README.md", observed_by=("5.1: it is another",), defects=("D84",)),
    Claim("a-3", "A row.", "README.md", observed_by=("5.1: it is right @ cats",), defects=("D84",)),
    Claim("a-4", "Two checkpoints.", "README.md", observed_by=("5.1: it is right", "5.2: it is right"), defects=("D84", "D115")),
    Claim("a-5", "Only a test.", "README.md", observed_by=("test: tests/a.py::test_b",), defects=("D142",)),
    Claim("a-6", "Nothing.", "README.md", unproven="nothing tries it"),
    Claim("a-7", "No defect.", "README.md", observed_by=("5.1: it is right",), unproven="no seeded defect breaks it"),
)


@pytest.fixture(autouse=True)
def given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the registry."""
    monkeypatch.setattr(claims, "documents", lambda: {"guarantees": Document("a", "README.md", GIVEN)})


@pytest.fixture
def standings(record: Any) -> Callable[..., dict[str, str]]:
    """Return a function that runs two checkpoints and returns what became of each claim."""

    def run(first: tuple[str, str, str], second: tuple[str, str, str] | None = RIGHT, **more: Any) -> dict[str, str]:
        record.start(["5.1", "5.2"])
        record.scenario("5.1", first, fidelity="local", **more)
        if second:
            record.scenario("5.2", second, fidelity="local")
        run_ = load(record.end())
        return {one.claim.id: str(one.standing) for document in claims.of_run(run_) for one in document.results}

    return run


def test_a_claim_is_held_if_every_checkpoint_that_could_contradict_it_passed(standings: Callable[..., dict[str, str]]) -> None:
    assert standings(RIGHT) == {
        "a-1": "HELD",
        "a-2": "HELD",
        "a-3": "HELD",
        "a-4": "HELD",
        "a-5": "NOT OBSERVED",
        "a-6": UNPROVEN,
        "a-7": UNPROVEN,
    }


def test_a_wrong_observation_contradicts_the_claims_that_name_its_step_and_leaves_others_open(
    standings: Callable[..., dict[str, str]],
) -> None:
    found = standings(WRONG)
    assert {one: found[one] for one in ("a-1", "a-2", "a-4", "a-7")} == {
        "a-1": "CONTRADICTED",
        "a-2": "NOT OBSERVED",
        "a-4": "CONTRADICTED",
        "a-7": "CONTRADICTED",
    }


@pytest.mark.parametrize(("row", "standing"), [({"option": "cats"}, "CONTRADICTED"), ({"option": "dogs"}, "NOT OBSERVED")])
def test_a_claim_about_a_row_is_contradicted_in_that_row_only(
    standings: Callable[..., dict[str, str]], row: dict[str, str], standing: str
) -> None:
    assert standings(WRONG, row=row)["a-3"] == standing


def test_a_checkpoint_that_did_not_run_leaves_a_claim_open(standings: Callable[..., dict[str, str]]) -> None:
    assert standings(RIGHT, None)["a-4"] == "NOT OBSERVED"


def test_every_report_says_what_became_of_the_claims(record: Any) -> None:
    record.start(["5.1"])
    record.scenario("5.1", WRONG)
    run = load(record.end())
    sentence = f"7 claims in the documents: 0 held, 3 contradicted, 3 not observed here, 1 {UNPROVEN}."
    assert claims.tally(run) == sentence
    page, summary = html.render(run), markdown.render(run)
    assert sentence in page
    assert "Votes are &lt;b&gt;accepted&lt;/b&gt;." in page
    assert "nothing tries it" in page
    assert f"Claims: {markdown.safe(sentence)}" in summary
    assert "## Contradicted claims" in summary
    assert "- **a-1** Votes are &#60;b&#62;accepted" in summary
    assert results_json.document(run)["claims"] == {
        "held": [],
        "contradicted": ["a-1", "a-4", "a-7"],
        "not_observed": ["a-2", "a-3", "a-5"],
        "unproven": ["a-6"],
    }


def test_a_run_without_a_wrong_observation_lists_no_contradicted_claim(record: Any) -> None:
    record.start(["5.1"])
    record.scenario("5.1", RIGHT)
    run = load(record.end())
    assert claims.with_standing(run, Standing.CONTRADICTED) == ()
    assert "Contradicted" not in markdown.render(run)
