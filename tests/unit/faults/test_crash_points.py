"""A sweep that crashes at each point in only one way uses every way, before and after a command."""

import pytest

from features.steps.faults.api_crash_points import NAMED as COMMANDS_OF_AN_API
from features.steps.faults.api_crash_points import WAYS as WAYS_FOR_AN_API
from features.steps.faults.consumer_crash_points import WAYS as WAYS_FOR_A_CONSUMER
from features.support.crash_sweeps import AFTER_REPLY, missing_points, plan
from validation.faults.proxy.crash_points import CrashPoint


def points(*steps: str) -> list[CrashPoint]:
    return [CrashPoint("redis", step, 1, side) for step in steps for side in ("request", "reply")]


def test_every_way_is_used_at_the_few_points_of_an_api() -> None:
    assert {how for _, how in plan(points(*COMMANDS_OF_AN_API), WAYS_FOR_AN_API, every=False)} == set(WAYS_FOR_AN_API)


@pytest.mark.parametrize("side", ["request", "reply"])
def test_every_way_is_used_before_and_after_the_commands_of_a_consumer(side: str) -> None:
    used = {how for point, how in plan(points(*"abcdefgh"), WAYS_FOR_A_CONSUMER, every=False) if point.side == side}
    assert used == set(WAYS_FOR_A_CONSUMER) - ({AFTER_REPLY} if side == "request" else set())


def test_each_point_crashes_in_every_way_where_processes_start_fast() -> None:
    planned = plan(points("a"), WAYS_FOR_A_CONSUMER, every=True)
    assert len(planned) == 2 * len(WAYS_FOR_A_CONSUMER) - 1, "before a command, no reply can be held"


def test_each_command_needs_a_point_before_and_one_after_it() -> None:
    assert missing_points(("added", "trimmed"), ["before added", "after added", "before trimmed"]) == ["after trimmed"]
    assert missing_points(("added",), []) == ["before added", "after added"]
