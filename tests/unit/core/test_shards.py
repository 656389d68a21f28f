import pytest
from hypothesis import given
from hypothesis import strategies as some

from validation.core.errors import UsageError
from validation.core.shards import Shard, balanced, parse, with_costs

COSTS = some.dictionaries(some.text(max_size=3), some.floats(0, 100), max_size=30)


def test_a_shard_is_written_as_it_is_read() -> None:
    assert parse("2/4", "") == Shard(2, 4)
    assert str(Shard(2, 4)) == "2/4"
    assert parse("", "") is None


@pytest.mark.parametrize("written", ["0/4", "5/4", "2", "2/", "/4", "a/b", "2/4/6", "-1/4", "2 / 4", "1/0", "\u0662/4", "2/4\n"])
def test_what_is_not_a_shard_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(UsageError, match=r"is not NUMBER/OF.*\nTry: votecheck run --shard 2/4"):
        parse(written, "votecheck run --shard 2/4")


@given(COSTS, some.integers(1, 6))
def test_each_piece_is_in_exactly_one_part_whatever_the_order(costs: dict[str, float], of: int) -> None:
    parts = balanced(costs, of)
    assert sorted(piece for part in parts for piece in part) == sorted(costs)
    assert parts == balanced(dict(reversed(costs.items())), of)


@given(COSTS, some.integers(1, 6))
def test_no_part_has_more_than_its_share_and_one_piece(costs: dict[str, float], of: int) -> None:
    loads = [sum(costs[piece] for piece in part) for part in balanced(costs, of)]
    assert max(loads) <= sum(costs.values()) / of + max(costs.values(), default=0) + 1e-6


def test_long_work_is_spread_and_pieces_without_a_cost_are_too() -> None:
    assert balanced({"a": 10, "b": 9, "c": 5, "d": 4, "e": 1}, 2) == (("a", "d", "e"), ("b", "c"))
    assert [len(part) for part in balanced(dict.fromkeys("abcdef", 0.0), 3)] == [2, 2, 2]


def test_unknown_work_costs_the_median_of_the_known() -> None:
    assert with_costs(["a", "b", "c", "new"], {"a": 1, "b": 2, "c": 60, "elsewhere": 500}) == {"a": 1, "b": 2, "c": 60, "new": 2}
    assert with_costs(["x", "y"], {}) == {"x": 1, "y": 1}
