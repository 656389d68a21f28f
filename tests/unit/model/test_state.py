"""The model refuses answers that the documents exclude, and accepts those that they leave open."""

from collections.abc import Mapping

import pytest

from validation.model.comparing import Compare, Differs
from validation.model.state import Cast, Entry, Model

OPTIONS = ("owls", "cats", "dogs")


@pytest.fixture
def model() -> Model:
    return Model(OPTIONS, 4.0, {"owls": 5}, Compare())


def told(option: str, entry: str, vote: str = "v1") -> Mapping[str, object]:
    return {"message": "Vote accepted", "option": option, "stream_id": entry, "vote_id": vote}


def accepted(key: str, option: str, entry: str, vote: str = "v1", at: float = 0.0) -> Cast:
    return Cast(key, option, 201, told(option, entry, vote), at, at + 0.1)


def refused(key: str, option: str, at: float = 0.0) -> Cast:
    return Cast(key, option, 422, {}, at, at + 0.1)


def no_answer(key: str, option: str, *, excused: bool) -> Cast:
    return Cast(key, option, 0, {}, 0.0, 0.1, excused)


def test_a_vote_counts_for_its_option(model: Model) -> None:
    model.cast([accepted("", "cats", "1-0")])
    assert model.counts == {"owls": 5, "cats": 1, "dogs": 0}
    assert model.entries["1-0"].fields == {"option": "cats", "request_id": "v1"}


def test_of_concurrent_votes_with_a_key_any_one_may_win(model: Model) -> None:
    model.cast([refused("k", "cats"), accepted("k", "owls", "1-0"), accepted("k", "owls", "1-0")])
    assert model.counts["owls"] == 6
    assert model.valid == 1


WRONG = {
    "two winners": [accepted("k", "cats", "1-0"), accepted("k", "owls", "2-0")],
    "two entries": [accepted("k", "cats", "1-0"), accepted("k", "cats", "2-0")],
    "an entry for two options": [accepted("k", "cats", "1-0"), accepted("k", "owls", "1-0")],
    "no winner": [refused("k", "cats"), refused("k", "owls")],
    "the winner refused": [accepted("k", "cats", "1-0"), refused("k", "cats")],
    "two ids of one key": [accepted("k", "cats", "1-0", "v1"), accepted("k", "cats", "1-0", "v2")],
    "one id of two keys": [accepted("k", "cats", "1-0", "v1"), accepted("other", "cats", "2-0", "v1")],
    "one entry of two votes": [accepted("", "cats", "1-0", "v1"), accepted("", "cats", "1-0", "v2")],
    "another option in the receipt": [Cast("", "cats", 201, told("owls", "1-0"), 0.0, 0.1)],
    "a receipt without an entry": [Cast("", "cats", 201, {"message": "", "option": "cats", "vote_id": "v"}, 0.0, 0.1)],
    "503": [Cast("", "cats", 503, {}, 0.0, 0.1)],
    "no answer": [no_answer("k", "cats", excused=False)],
}


@pytest.mark.parametrize("attempts", WRONG.values(), ids=WRONG)
def test_wrong_answers_differ(model: Model, attempts: list[Cast]) -> None:
    with pytest.raises(Differs):
        model.cast(attempts)


def test_a_lost_answer_is_excused_when_the_api_was_stopped(model: Model) -> None:
    model.cast([no_answer("k", "cats", excused=True), accepted("k", "cats", "1-0", at=0.2)])
    model.cast([no_answer("", "cats", excused=True)])
    assert model.valid == 1


@pytest.fixture
def remembering(model: Model) -> Model:
    model.cast([accepted("k", "cats", "1-0", at=0.0)])
    return model


def test_a_remembered_key_gets_the_same_receipt(remembering: Model) -> None:
    remembering.cast([accepted("k", "cats", "1-0", at=3.0), refused("k", "owls", at=3.0)])
    assert remembering.valid == 1


REMEMBERED_WRONGLY = {
    "a new entry": accepted("k", "cats", "2-0", at=1.0),
    "another option": accepted("k", "owls", "1-0", at=1.0),
    "refused": refused("k", "cats", at=1.0),
    "another vote id": accepted("k", "cats", "1-0", "v9", at=1.0),
}


@pytest.mark.parametrize("attempt", REMEMBERED_WRONGLY.values(), ids=REMEMBERED_WRONGLY)
def test_wrong_answers_for_a_remembered_key_differ(remembering: Model, attempt: Cast) -> None:
    with pytest.raises(Differs):
        remembering.cast([attempt])


def test_a_key_is_forgotten_in_time(remembering: Model) -> None:
    with pytest.raises(Differs, match="forgotten key"):
        remembering.cast([accepted("k", "cats", "1-0", at=9.0)])


def test_a_forgotten_key_is_a_new_entry_and_no_new_vote(remembering: Model) -> None:
    remembering.cast([accepted("k", "owls", "2-0", at=9.0)])
    assert (remembering.valid, len(remembering.votes)) == (2, 1)


@pytest.mark.parametrize("entry", ["1-0", "2-0"])
def test_at_the_end_of_the_time_both_are_right(remembering: Model, entry: str) -> None:
    remembering.cast([accepted("k", "cats", entry, at=3.95)])


def test_the_option_that_is_counted_first_stands(remembering: Model) -> None:
    remembering.cast([accepted("k", "owls", "2-0", at=9.0)])
    assert remembering.at_most == {"owls": 6, "cats": 1, "dogs": 0}
    remembering.counted({"v1": "owls"})
    assert remembering.counts == {"owls": 6, "cats": 0, "dogs": 0}
    with pytest.raises(Differs):
        remembering.counted({"v1": "cats"})


@pytest.mark.parametrize("ledger", [{}, {"v1": "owls"}, {"v1": "cats", "v2": "cats"}], ids=["lost", "another option", "phantom"])
def test_a_wrong_ledger_differs(remembering: Model, ledger: dict[str, str]) -> None:
    with pytest.raises(Differs):
        remembering.counted(ledger)


def test_entries_of_other_programs(model: Model) -> None:
    vote = {"option": "dogs", "timestamp": "1", "request_id": "v7"}
    model.produced("1-0", vote, is_vote=True)
    model.produced("2-0", vote, is_vote=True)
    model.produced("3-0", vote | {"request_id": "7"}, is_vote=False)
    assert (model.valid, len(model.votes), list(model.malformed)) == (2, 1, ["3-0"])


def test_results_must_show_what_was_counted_two_seconds_before(model: Model) -> None:
    model.confirmed += [(1.0, {"owls": 5}), (2.0, {"owls": 6}), (3.0, {"owls": 7})]
    assert [model.at_least(at).get("owls") for at in (2.9, 3.1, 4.0, 4.1, 9.0)] == [None, 5, 5, 6, 7]


@pytest.mark.parametrize(
    ("observed", "fits"),
    [
        ({"option": "cats", "request_id": "v", "timestamp": "1500"}, True),
        ({"option": "cats", "request_id": "v", "timestamp": "999"}, False),
        ({"option": "cats", "request_id": "v", "timestamp": "2001"}, False),
        ({"option": "cats", "request_id": "v"}, False),
        ({"option": "cats", "request_id": "w", "timestamp": "1500"}, False),
        ({"option": "cats", "request_id": "v", "timestamp": "1500", "more": "1"}, False),
    ],
)
def test_an_entry_fits_only_its_own_fields_and_time(observed: dict[str, str], fits: bool) -> None:
    assert Entry({"option": "cats", "request_id": "v"}, 1000.0, 2000.0).fits(observed) == fits
