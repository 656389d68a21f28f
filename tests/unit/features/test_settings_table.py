"""The table of checkpoint B23: every variable, the values of each set, and the step that observes the effect."""

import re
from itertools import combinations, product
from pathlib import Path

import pytest
from gherkin.parser import Parser

from system.settings import ApiSettings, ConsumerSettings

FEATURE = Path(__file__).parents[3] / "features/beyond/variables.feature"
PARSED = Parser().parse(FEATURE.read_text(encoding="utf-8"))  # type: ignore[no-untyped-call] # it ships no types
OUTLINE = PARSED["feature"]["children"][0]["rule"]["children"][0]["scenario"]
HEADER, *ROWS = [[cell["value"] for cell in row["cells"]] for row in OUTLINE["steps"][0]["dataTable"]["rows"]]
SETS = HEADER[2:]
VARIABLES = {row[0]: row[2:] for row in ROWS}
ALWAYS_OTHER = ("(own)", "(another)", "(free)", "(collector)", "(collector)/own")


def test_every_variable_of_api_and_consumer_has_a_row() -> None:
    known = {name.upper() for kind in (ApiSettings, ConsumerSettings) for name in kind.model_fields}
    assert [row[0] for row in ROWS if row[0] not in known] == []
    assert known - VARIABLES.keys() == set()


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_no_value_is_the_default(name: str) -> None:
    for kind in (ApiSettings, ConsumerSettings):
        if (field := kind.model_fields.get(name.lower())) is not None:
            default = field.get_default(call_default_factory=True, validated_data={})
            shown = ",".join(default) if isinstance(default, tuple) else str(default)
            assert shown not in VARIABLES[name]


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_its_values_are_valid(name: str) -> None:
    """Every value is one that the program accepts: a set in which a program does not start shows no effect."""
    for value in {*VARIABLES[name]} - {"-", *ALWAYS_OTHER}:
        for kind in (ApiSettings, ConsumerSettings):
            kind.model_validate({name.lower(): value})


def test_what_is_observed_is_a_step_of_the_scenario() -> None:
    steps = [re.sub(r"^And ", "", step["text"]) for step in OUTLINE["steps"] if step["keywordType"] in {"Outcome", "Conjunction"}]
    assert [row[1] for row in ROWS if row[1] not in steps] == []
    assert len({row[1] for row in ROWS}) == len(ROWS)


def test_set_1_has_every_variable_away_from_its_default() -> None:
    assert [name for name, values in VARIABLES.items() if values[0] == "-"] == []


def test_every_two_variables_meet_at_their_defaults_and_away_from_them() -> None:
    varying = {name: [value == "-" for value in values] for name, values in VARIABLES.items() if "-" in values}
    assert len(varying) >= 20
    for (one, first), (other, second) in combinations(varying.items(), 2):
        assert {*zip(first, second, strict=True)} == {*product((True, False), repeat=2)}, f"{one} and {other}"


def test_each_set_is_an_example() -> None:
    examples = [row["cells"][0]["value"] for block in OUTLINE["examples"] for row in block["tableBody"]]
    assert examples == SETS
    quick = [row["cells"][0]["value"] for block in OUTLINE["examples"] if not block["tags"] for row in block["tableBody"]]
    assert quick == ["1", "2"]
