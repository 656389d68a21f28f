"""`--scenario` finds a scenario by name, by a name with a row, and by line; an unknown one is refused with the nearest names."""

from collections import Counter

import pytest

from validation.core.errors import UsageError
from validation.core.settings import PROJECT
from validation.probes.source import choice, scenarios

WRITTEN = scenarios.read(PROJECT)


def test_names_tell_the_scenarios_and_rows_of_a_checkpoint_apart() -> None:
    names = Counter((one.checkpoints, name) for one in WRITTEN for name in dict.fromkeys((one.name, *one.names())))
    assert [name for name, count in names.items() if count > 1] == []
    assert all(len(set(one.names())) == max(1, len(one.examples)) for one in WRITTEN)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("<what> is not a vote", "<what> is not a vote"),
        ("Null is not a vote", "Null is not a vote"),
        ("null  is NOT a vote", "Null is not a vote"),
    ],
)
def test_a_name_is_found(word: str, name: str) -> None:
    assert choice.resolve([word], WRITTEN) == (name,)


def test_names_choose_only_their_scenario() -> None:
    found = choice.chosen(choice.resolve(["Null is not a vote"], WRITTEN), WRITTEN)
    assert [one.name for one in found] == ["<what> is not a vote"]
    assert choice.chooses(["Null is not a vote"], "<what> is not a vote", "Null is not a vote")
    assert not choice.chooses(["Null is not a vote"], "<what> is not a vote", "A number is not a vote")
    assert choice.chosen([], WRITTEN) == WRITTEN


def test_every_line_of_a_feature_leads_to_its_scenario() -> None:
    for one in WRITTEN:
        assert choice.resolve([f"{one.feature}:{one.line}"], WRITTEN) == (one.name,)
        rows = [line for table in one.tables for line in table.lines]
        assert [choice.resolve([f"{one.feature}:{line}"], WRITTEN)[0] for line in rows] == (list(one.names()) if rows else [])


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("Nul is not a vote", "  Null is not a vote"),
        ("5_vote.feature:30", "5_votes.feature"),
        ("features/protocol/5_votes.feature:1", "above its first scenario"),
    ],
)
def test_an_unknown_one_is_refused_with_the_nearest(word: str, near: str) -> None:
    with pytest.raises(UsageError, match=near.replace("<", "\\<")):
        choice.resolve([word], WRITTEN)
