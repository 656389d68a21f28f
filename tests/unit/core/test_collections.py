import pytest

from validation.core.collections import every


def test_nothing_is_not_every_thing() -> None:
    assert every([]) is False
    assert every(one for one in ()) is False


@pytest.mark.parametrize(("conditions", "held"), [([True], True), ([1, "x"], True), ([True, False], False), ([0], False)])
def test_every_condition_must_hold(conditions: list[object], held: bool) -> None:
    assert every(conditions) is held
