"""A claim that quotes, names or is proven by something that does not exist is a problem."""

from pathlib import Path

import pytest

from validation.probes.source import markdown
from validation.probes.source.claims import problems, says
from validation.registry.claims import Claim

PAGE = """# Votes

**A vote** answered with [201](http-api.md) is
counted `once`.

## Limits

| limit | value |
|---|---|
| request body | `1 MiB` |

- The *first* item.

```sh
votecheck run    # runs it
```
"""
FEATURE = """Feature: Votes
  @cp_5_1
  Rule: 5.1 A vote

    Scenario Outline: A vote for <option>
      Given these bodies
        | what  | body |
        | Empty | {}   |
      When a voter votes for "<option>"
      Then the vote for <option> is accepted

      Examples:
        | option |
        | cats   |
"""
STEP = "the vote for <option> is accepted"
DEFECTS = {
    "D1": ["5.1"],
    "D2": ["5.2"],
    "D3": ["test: tests/test_votes.py::TestVotes::test_one[a]"],
    "D4": ["load: baseline"],
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A project with one page, one feature, one test and one load scenario."""
    files = {
        "page.md": PAGE,
        "features/votes.feature": FEATURE,
        "tests/test_votes.py": "class TestVotes:\n    def test_one(self): ...\n",
        "loadtests/scenarios.toml": "[baseline]\n",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    return tmp_path


def claim(
    *observed_by: str, defects: tuple[str, ...] = ("D1",), sentence: str = "counted once", section: str = "", unproven: str = ""
) -> Claim:
    return Claim("page-1", sentence, "page.md", section, (), observed_by, defects, unproven)


def test_a_page_is_read_as_a_reader_sees_it() -> None:
    assert list(markdown.texts(PAGE)) == [
        ("heading", "Votes", "Votes"),
        ("paragraph", "Votes", "A vote answered with 201 is counted once."),
        ("heading", "Limits", "Limits"),
        ("columns", "Limits", "limit | value"),
        ("row", "Limits", "request body | 1 MiB"),
        ("item", "Limits", "The first item."),
        ("code", "Limits", "votecheck run # runs it"),
    ]


@pytest.mark.parametrize("sentence", ["A vote answered with 201 is counted once.", "request body | 1 MiB", "The first item.", "# runs it"])
def test_a_sentence_is_found_whatever_its_emphasis_and_links(sentence: str) -> None:
    assert says(PAGE, sentence)


@pytest.mark.parametrize("sentence", ["A vote answered with 201 is counted twice.", "counted once. Limits", "value | request body"])
def test_a_sentence_that_the_page_does_not_say_is_not_found(sentence: str) -> None:
    assert not says(PAGE, sentence)


def test_a_section_is_the_heading_above() -> None:
    assert says(PAGE, "request body", "Limits")
    assert not says(PAGE, "request body", "Votes")


@pytest.mark.parametrize(
    "right",
    [
        claim(f"5.1: {STEP}"),
        claim(f"5.1: {STEP} @ cats"),
        claim(f"5.1: {STEP} @ A vote for cats"),
        claim(f"5.1: {STEP} @ A vote for <option>"),
        claim(f"5.1: {STEP} @ Empty"),
        claim("test: tests/test_votes.py::TestVotes::test_one[a]", defects=("D3",)),
        claim("load: baseline", defects=("D4",)),
        claim(defects=(), unproven="nothing tries it"),
        claim(f"5.1: {STEP}", defects=(), unproven="no seeded defect breaks it"),
    ],
)
def test_a_claim_that_names_what_exists_has_no_problem(source: Path, right: Claim) -> None:
    assert problems([right], source, DEFECTS) == []


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (claim(f"5.1: {STEP}", sentence="counted twice"), "page-1 quotes what page.md does not say: counted twice"),
        (claim(f"5.1: {STEP}", section="Limits"), "page-1 quotes what page.md does not say below 'Limits': counted once"),
        (claim("5.1: the vote for cats is accepted"), "page-1 names a step that 5.1 does not have: the vote for cats is accepted"),
        (claim(f"5.2: {STEP}", defects=("D2",)), f"page-1 names a step that 5.2 does not have: {STEP}"),
        (claim(f"9.1: {STEP}", unproven="no defect", defects=()), "page-1 names the checkpoint 9.1, which does not exist"),
        (claim(f"5.1: {STEP} @ dogs"), f"page-1 names a scenario or row that has no step '{STEP}' of 5.1: dogs"),
        (claim(f"5.1: {STEP}", defects=("D1", "D9")), "page-1 names the defect D9, which does not exist"),
        (claim(f"5.1: {STEP}", defects=("D1", "D2")), "page-1 names D2, which must be caught by none of its observations"),
        (
            claim(f"5.1: {STEP}", "test: tests/test_votes.py::TestVotes::test_one[a]"),
            "page-1 names no defect that test: tests/test_votes.py::TestVotes::test_one[a] must catch",
        ),
        (
            claim("test: tests/test_votes.py::test_two", defects=(), unproven="no defect"),
            "page-1 names the test tests/test_votes.py::test_two, which does not exist",
        ),
        (
            claim("load: night", defects=(), unproven="no defect"),
            "page-1 names the load scenario night, which does not exist",
        ),
    ],
)
def test_a_claim_that_names_what_does_not_exist_is_a_problem(source: Path, wrong: Claim, problem: str) -> None:
    assert problems([wrong], source, DEFECTS) == [problem]
