from collections.abc import Mapping
from types import MappingProxyType

import pytest

from validation.core.errors import UsageError
from validation.defects import changes, selection
from validation.defects.catalogue import Change, Defect, Load
from validation.defects.planted_images import Images
from validation.defects.proving import HERE, Bench
from validation.defects.selection import Wanted, choose, split

A = Defect("D1", "A", "", "chart", ("4.1", "4.2"), (Change("chart/a.yaml", "x", "y"),))
B = Defect("D2", "B", "", "source", ("B3",), (Change("system/b.py", "x", "y"),), cluster_checkpoints=("B19",))
C = Defect("D3", "C", "", "chart", (), (Change("chart/c.yaml", "x", "y"),), cluster_checkpoints=("B17",))
L = Defect("D4", "L", "", "source", (), (Change("system/l.py", "x", "y"),), load=Load("baseline", 1, 1, ("vote, p99",)))
I = Defect("D5", "I", "", "image", ("1.1",), images=Images.MOVED)  # noqa: E741 - the image
ALL: Mapping[str, Defect] = MappingProxyType({one.id: one for one in (A, B, C, L, I)})
CLUSTER = Bench(())


@pytest.fixture(autouse=True)
def small_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("validation.defects.catalogue.catalogue", lambda: ALL)


def chosen(wanted: Wanted, bench: Bench = HERE) -> list[str]:
    return [one.id for one in choose(wanted, bench).defects]


def test_without_a_wish_all_that_can_be_proven_on_the_bench_are_chosen() -> None:
    assert chosen(Wanted()) == ["D1", "D2", "D4", "D5"]
    assert chosen(Wanted(), CLUSTER) == ["D2", "D3"]


def test_filters_are_joined_and_the_values_of_one_are_any_of_them() -> None:
    assert chosen(Wanted(defects=("D2", "d1"))) == ["D1", "D2"]
    assert chosen(Wanted(layers=("chart", "image"))) == ["D1", "D5"]
    assert chosen(Wanted(checkpoints=("4.2", "b3"))) == ["D1", "D2"]
    assert chosen(Wanted(layers=("chart",), checkpoints=("4.2", "B3"))) == ["D1"]


def test_a_checkpoint_counts_for_the_bench_that_it_is_named_for() -> None:
    assert chosen(Wanted(checkpoints=("B19",)), CLUSTER) == ["D2"]
    with pytest.raises(UsageError, match="no defect has all that was asked for"):
        choose(Wanted(checkpoints=("B19",)), HERE)


def test_an_unknown_layer_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="There is no layer charts") as told:
        choose(Wanted(layers=("charts",)), HERE)
    assert "chart, image, source" in str(told.value)


@pytest.mark.parametrize("wanted", [Wanted(defects=("D99",)), Wanted(checkpoints=("9.9",))])
def test_an_unknown_defect_or_checkpoint_is_wrong_usage(wanted: Wanted) -> None:
    with pytest.raises(UsageError, match="There is no"):
        choose(wanted, HERE)


def test_what_is_proven_elsewhere_only_is_named() -> None:
    with pytest.raises(UsageError, match=r"proven in a cluster only: D3"):
        choose(Wanted(defects=("D3",)), HERE)
    with pytest.raises(UsageError, match=r"proven on this machine only: D1"):
        choose(Wanted(defects=("D1",)), CLUSTER)


def test_options_are_repeated_and_take_commas() -> None:
    assert split(None, "--defect") == ()
    assert split(["D3,D4 ,", "D5", "D3"], "--defect") == ("D3", "D4", "D5")


@pytest.mark.parametrize("given", [[""], [","], [" ", ""]])
def test_an_option_that_names_nothing_does_not_mean_everything(given: list[str]) -> None:
    with pytest.raises(UsageError, match="--defect names nothing"):
        split(given, "--defect")


def test_since_leaves_out_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "changes_since", lambda _ref: changes.Changes(frozenset(), {}, {}))
    monkeypatch.setattr(selection, "affected", lambda _defects, _changes, _bench: {"D2": "its entry changed"})
    found = choose(Wanted(since="main"), HERE)
    assert [one.id for one in found.defects] == ["D2"]
    assert found.told == ("3 of 4 left out: nothing that they rest on has changed since main.", "D2: its entry changed")


def test_nothing_changed_is_no_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "changes_since", lambda _ref: changes.Changes(frozenset(), {}, {}))
    monkeypatch.setattr(selection, "affected", lambda _defects, _changes, _bench: {})
    found = choose(Wanted(since="main"), HERE)
    assert found.defects == ()
    assert found.told == ("4 of 4 left out: nothing that they rest on has changed since main.",)
