"""Steps that stop or freeze Redis or the database, and restore it."""

from collections.abc import Callable

from pytest_bdd import given, parsers, when

from features.support.parts import server
from validation.targets.launching import LaunchingTarget


@given(parsers.re(r"(?P<part>Redis|the database) is stopped"))
def part_is_stopped(target: LaunchingTarget, part: str, afterwards: Callable[[Callable[[], object]], None]) -> None:
    afterwards(server(target, part).restore)
    server(target, part).stop()


@given(parsers.re(r"(?P<part>Redis|the database) is frozen"))
def part_is_frozen(target: LaunchingTarget, part: str, afterwards: Callable[[Callable[[], object]], None]) -> None:
    afterwards(server(target, part).restore)
    server(target, part).pause()


@when(parsers.re(r"(?P<part>Redis|the database) freezes"))
def part_freezes(target: LaunchingTarget, part: str, afterwards: Callable[[Callable[[], object]], None]) -> None:
    part_is_frozen(target, part, afterwards)


@when(parsers.re(r"(?P<part>Redis|the database) is back"))
def part_is_back(target: LaunchingTarget, part: str) -> None:
    server(target, part).restore()
