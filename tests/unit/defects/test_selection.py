from collections.abc import Mapping
from types import MappingProxyType

import pytest

from validation.core.errors import UsageError
from validation.core.shards import Shard
from validation.defects import changes, selection
from validation.defects.catalogue import Change, Defect, Images, Load
from validation.defects.proving.bench import HERE, Bench
from validation.defects.selection import Wanted, choose, split
from validation.defects.shards import in_shard

A = Defect("D1", "A", "", "chart", ("4.1", "4.2"), (Change("chart/a.yaml", "x", "y"),))
B = Defect("D2", "B", "", "source", ("B3",), (Change("system/b.py", "x", "y"),), cluster_checkpoints=("B19",))
C = Defect("D3", "C", "", "chart", (), (Change("chart/c.yaml", "x", "y"),), cluster_checkpoints=("B17",))
L = Defect("D4", "L", "", "source", (), (Change("system/l.py", "x", "y"),), load=Load("baseline", 1, 1, ("vote, p99",)))
I = Defect("D5", "I", "", "image", ("1.1",), images=Images.MOVED)  # noqa: E741 - image
ALL: Mapping[str, Defect] = MappingProxyType({one.id: one for one in (A, B, C, L, I)})
CLUSTER = Bench(())


@pytest.fixture(autouse=True)
def small_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("validation.defects.catalogue.catalogue", lambda: ALL)


def chosen(wanted: Wanted, bench: Bench = HERE) -> list[str]:
    return [one.id for one in choose(wanted, bench).defects]


def test_without_filters_all_that_the_bench_can_prove_are_chosen() -> None:
    assert chosen(Wanted()) == ["D1", "D2", "D4", "D5"]
    assert chosen(Wanted(), CLUSTER) == ["D2", "D3"]


def test_filters_are_combined_with_and_and_their_values_with_or() -> None:
    assert chosen(Wanted(defects=("D2", "d1"))) == ["D1", "D2"]
    assert chosen(Wanted(layers=("chart", "image"))) == ["D1", "D5"]
    assert chosen(Wanted(checkpoints=("4.2", "b3"))) == ["D1", "D2"]
    assert chosen(Wanted(layers=("chart",), checkpoints=("4.2", "B3"))) == ["D1"]


def test_a_checkpoint_counts_only_on_its_bench() -> None:
    assert chosen(Wanted(checkpoints=("B19",)), CLUSTER) == ["D2"]
    with pytest.raises(UsageError, match="no defect matches all filters"):
        choose(Wanted(checkpoints=("B19",)), HERE)


def test_an_unknown_layer_is_a_usage_error_with_the_valid_names() -> None:
    with pytest.raises(UsageError, match="There is no layer charts") as raised:
        choose(Wanted(layers=("charts",)), HERE)
    assert "chart, image, source" in str(raised.value)


@pytest.mark.parametrize("wanted", [Wanted(defects=("D99",)), Wanted(checkpoints=("9.9",))])
def test_an_unknown_defect_or_checkpoint_is_a_usage_error(wanted: Wanted) -> None:
    with pytest.raises(UsageError, match="There is no"):
        choose(wanted, HERE)


def test_defects_that_only_the_other_bench_can_prove_are_named() -> None:
    with pytest.raises(UsageError, match=r"proven in a cluster only: D3"):
        choose(Wanted(defects=("D3",)), HERE)
    with pytest.raises(UsageError, match=r"proven on this machine only: D1"):
        choose(Wanted(defects=("D1",)), CLUSTER)


def test_an_option_may_be_repeated_and_takes_commas() -> None:
    assert split(None, "--defect") == ()
    assert split(["D3,D4 ,", "D5", "D3"], "--defect") == ("D3", "D4", "D5")


@pytest.mark.parametrize("given", [[""], [","], [" ", ""]])
def test_an_empty_option_does_not_mean_everything(given: list[str]) -> None:
    with pytest.raises(UsageError, match="--defect is empty"):
        split(given, "--defect")


def test_since_leaves_defects_out_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "changes_since", lambda _ref: changes.Changes(frozenset(), {}, {}))
    monkeypatch.setattr(selection, "affected", lambda _defects, _changes, _bench: {"D2": "its entry changed"})
    found = choose(Wanted(since="main"), HERE)
    assert [one.id for one in found.defects] == ["D2"]
    assert found.notes == ("3 of 4 left out: nothing they depend on has changed since main.", "D2: its entry changed")


def test_an_empty_choice_is_not_an_error_if_nothing_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "changes_since", lambda _ref: changes.Changes(frozenset(), {}, {}))
    monkeypatch.setattr(selection, "affected", lambda _defects, _changes, _bench: {})
    found = choose(Wanted(since="main"), HERE)
    assert found.defects == ()
    assert found.notes == ("4 of 4 left out: nothing they depend on has changed since main.",)


@pytest.mark.parametrize(("bench", "of"), [(HERE, 3), (CLUSTER, 2)])
def test_each_defect_is_in_exactly_one_shard(bench: Bench, of: int) -> None:
    whole = choose(Wanted(), bench)
    parts = [in_shard(whole, Shard(number, of), bench).defects for number in range(1, of + 1)]
    assert all(parts)
    assert sorted(one.id for part in parts for one in part) == sorted(one.id for one in whole.defects)
    assert parts == [in_shard(whole, Shard(number, of), bench).defects for number in range(1, of + 1)]


def test_shards_are_balanced_by_the_durations_of_their_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {"4.1": 1.0, "4.2": 1.0, "B3": 60.0, "1.1": 20.0}
    monkeypatch.setattr("validation.defects.shards._seconds_of_checkpoints", lambda: seconds)
    parts = [in_shard(choose(Wanted(), HERE), Shard(number, 2), HERE) for number in (1, 2)]
    assert [[one.id for one in part.defects] for part in parts] == [["D2"], ["D1", "D4", "D5"]]
    assert [part.notes[-1] for part in parts] == ["Shard 1/2: 1 of 4 defects.", "Shard 2/2: 3 of 4 defects."]


def test_a_shard_without_a_defect_has_nothing_to_do() -> None:
    parts = [in_shard(choose(Wanted(defects=("D1",)), HERE), Shard(number, 2), HERE) for number in (1, 2)]
    assert [len(part.defects) for part in parts] == [1, 0]
