"""A body of results is checked by its bounds, its sums and its time."""

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from validation.model.comparing import Compare, Differs
from validation.model.results import Bounds, check

READ = 1_700_000_000.0
BOUNDS = Bounds(("owls", "cats"), {"owls": 2}, {"owls": 3, "cats": 1}, (READ - 2, READ))
RIGHT = {
    "results": [{"option": "owls", "count": 3, "percentage": 75.0}, {"option": "cats", "count": 1, "percentage": 25.0}],
    "total_votes": 4,
    "last_updated": datetime.fromtimestamp(READ - 1, UTC).isoformat(),
}


def changed(*path: str | int, to: Any) -> Any:
    body: Any = copy.deepcopy(RIGHT)
    place = body
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return body


def test_a_right_body() -> None:
    assert check(Compare(), RIGHT, BOUNDS, "results") == {"owls": 3, "cats": 1}


WRONG = {
    "no JSON": None,
    "no options": changed("results", to=[]),
    "another order": changed("results", to=RIGHT["results"][::-1]),  # type: ignore[index]
    "too few": changed("results", 0, "count", to=1),
    "too many": changed("results", 1, "count", to=2),
    "a count that is not a number": changed("results", 1, "count", to=True),
    "another total": changed("total_votes", to=5),
    "a share too high": changed("results", 0, "percentage", to=75.02),
    "another share with the right sum": changed("results", to=[
        {"option": "owls", "count": 3, "percentage": 74.0}, {"option": "cats", "count": 1, "percentage": 26.0}]),
    "a field more": changed("more", to=1),
    "read too early": changed("last_updated", to=datetime.fromtimestamp(READ - 3, UTC).isoformat()),
    "read in the future": changed("last_updated", to=datetime.fromtimestamp(READ + 1, UTC).isoformat()),
}  # fmt: skip


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_a_wrong_body_differs(body: Any) -> None:
    with pytest.raises(Differs):
        check(Compare(), body, BOUNDS, "results")


def test_without_votes_all_shares_are_zero() -> None:
    body = changed("results", to=[{"option": option, "count": 0, "percentage": 0.0} for option in BOUNDS.options]) | {"total_votes": 0}
    assert check(Compare(), body, Bounds(BOUNDS.options, {}, BOUNDS.at_most, BOUNDS.read_between), "results") == {"owls": 0, "cats": 0}
