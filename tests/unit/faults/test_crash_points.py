"""Where each crash point is visited in one way only, every way comes, and on either side of a command."""

import pytest

from features.steps.faults.api_crash_points import NAMED as STEPS_OF_AN_API
from features.steps.faults.api_crash_points import WAYS
from features.steps.faults.consumer_crash_points import BEHIND, VISITS, turns
from validation.faults.proxy.crash_points import CrashPoint


def points(*steps: str) -> list[CrashPoint]:
    return [CrashPoint("redis", step, 1, side) for step in steps for side in ("request", "reply")]


def test_every_way_comes_at_the_few_points_of_an_api() -> None:
    assert {how for _, how in turns(points(*STEPS_OF_AN_API), WAYS, every=False)} == set(WAYS)


@pytest.mark.parametrize("side", ["request", "reply"])
def test_every_way_comes_on_either_side_of_a_consumers_commands(side: str) -> None:
    came = {how for point, how in turns(points(*"abcdefgh"), VISITS, every=False) if point.side == side}
    assert came == set(VISITS) - ({BEHIND} if side == "request" else set())


def test_each_point_is_visited_in_every_way_where_that_takes_no_longer() -> None:
    few = points("a")
    assert len(turns(few, VISITS, every=True)) == 2 * len(VISITS) - 1, "behind a reply can only be where there is one"
