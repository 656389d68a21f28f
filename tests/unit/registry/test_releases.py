"""A change that breaks those who rely on an interface is found, and no other; the records of the releases belong to their commits."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validation.core.errors import HarnessError
from validation.core.git import git
from validation.core.settings import PROJECT
from validation.registry.releases import OWN_VERSION, Items, Release, breaks, file_of, may_break, offered, releases

INTERFACES = {
    "HTTP API", "metrics", "names in Redis", "tables and functions", "variables", "log events", "exit codes", "chart values",
    "fields of results.json",
}  # fmt: skip
CASES: dict[str, tuple[Items, Items, list[str]]] = {
    "an item is gone": ({"a": "text", "b": ""}, {"b": ""}, ["gone: a"]),
    "an item is said to be something else": ({"a": "text"}, {"a": "number"}, ["a: was text, is number"]),
    "an item that was there has a description": ({"a": ""}, {"a": "text"}, ["a: was there, is text"]),
    "an input becomes required": ({"a": "optional, text"}, {"a": "required, text"}, ["a: was optional, text, is required, text"]),
    "an output is there sometimes": ({"a": "always"}, {"a": "sometimes"}, ["a: was always, is sometimes"]),
    "an input becomes optional and another kind": ({"a": "required, text"}, {"a": "optional, number"},
                                                   ["a: was required, text, is optional, number"]),
    "a new input is required": ({}, {"a": "required"}, ["newly required: a"]),
    "a new part of something old is required": ({"a": ""}, {"a": "", "a, field b": "required"}, ["newly required: a, field b"]),
    "a new part of something new is required": ({}, {"a": "", "a, field b": "required"}, []),
    "an input becomes optional": ({"a": "required, text"}, {"a": "optional, text"}, []),
    "an output is always there": ({"a": "sometimes, text"}, {"a": "always, text"}, []),
    "what was left open is described": ({"a": "{}"}, {"a": "text"}, []),
    "a new optional input": ({}, {"a": "optional"}, []),
}  # fmt: skip


@pytest.mark.parametrize(("before", "now", "expected"), CASES.values(), ids=CASES)
def test_a_break_is_named(before: Items, now: Items, expected: list[str]) -> None:
    assert breaks(before, now) == expected


ITEMS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["", "text", "required", "optional", "always", "sometimes"]))


@given(ITEMS, ITEMS)
def test_every_item_of_the_last_release_is_there_as_it_was_or_named(before: Items, now: Items) -> None:
    found = " ".join(breaks(before, now))
    lost = {item for item in before if item not in now}
    worse = {item for item in before if (before[item], now.get(item)) in {("optional", "required"), ("always", "sometimes")}}
    assert all(f"gone: {item}" in found for item in lost)
    assert all(f"{item}: was" in found for item in worse)
    assert breaks(before, before) == []


@pytest.mark.parametrize(("version", "may"), [("0.3.2", False), ("0.4.0", False), ("1.0.0", True), ("10.0.0", True)])
def test_only_a_new_major_version_may_break(version: str, may: bool) -> None:
    assert may_break(Release("0.3.2", ""), version, {}, {}) is may


@pytest.mark.parametrize(("own", "may"), [("1", False), ("2", True), ("0", False), (None, False)])
def test_an_interface_with_a_version_of_its_own_may_break_with_it(own: str | None, may: bool) -> None:
    now = {} if own is None else {OWN_VERSION: own}
    assert may_break(Release("0.3.2", ""), "0.3.3", {OWN_VERSION: "1"}, now) is may


def test_each_release_has_a_commit_in_the_history_with_its_folders() -> None:
    for one in releases():
        assert {folder: (git(PROJECT, "rev-parse", f"{one.commit}:{folder}") or "").strip() for folder in one.trees} == one.trees
        assert one.trees.keys() == {"system", "chart"}
        chart = git(PROJECT, "show", f"{one.commit}:chart/Chart.yaml") or ""
        assert f"\nversion: {one.version}\n" in chart


def test_the_last_release_is_the_version_that_is_worked_on_or_an_earlier_one() -> None:
    ordered = [tuple(map(int, one.version.split("."))) for one in releases()]
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert ordered == sorted(set(ordered))
    assert ordered[-1] <= tuple(map(int, project.split(".")))


@pytest.mark.parametrize("interface", sorted(INTERFACES))
def test_each_release_has_recorded_each_interface(interface: str) -> None:
    for one in releases():
        assert offered(one.version, interface)


def test_no_record_is_of_an_unknown_interface() -> None:
    for one in releases():
        recorded = {file.name for file in (PROJECT / "validation/registry/releases" / one.version).iterdir()}
        assert recorded == {file_of(interface) for interface in INTERFACES}


def test_a_release_without_a_record_is_an_error_not_an_empty_offer(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"What release 9\.9\.9 offered cannot be read"):
        offered("9.9.9", "metrics", tmp_path)
    (tmp_path / "9.9.9").mkdir()
    (tmp_path / "9.9.9" / file_of("metrics")).write_text("[1]")
    with pytest.raises(HarnessError, match=r"What release 9\.9\.9 offered cannot be read"):
        offered("9.9.9", "metrics", tmp_path)
