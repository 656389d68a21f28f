"""`votecheck list`, `plan`, `explain` and `defects list` show what the registry and the catalogue hold, and all of it."""

import json
import tomllib
from typing import Any

import pytest
from typer.testing import CliRunner

from validation.cli.main import app
from validation.core.settings import RunSettings, known_target
from validation.defects.catalogue import CATALOGUE
from validation.registry.checkpoints import REGISTRY

WRITTEN = tomllib.loads(REGISTRY.read_text(encoding="utf-8"))["checkpoint"]
DEFECTS = tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))["defect"]


def printed(*words: str) -> str:
    ran = CliRunner().invoke(app, list(words))
    assert ran.exit_code == 0
    return ran.stdout


def data(*words: str) -> Any:
    return json.loads(printed(*words, "--json"))


def caught_by(defect: Any) -> list[str]:
    return [*defect.get("checkpoints", ()), *defect.get("cluster_checkpoints", ())]


def test_the_list_has_each_checkpoint_with_its_title_and_levels() -> None:
    assert [(one["id"], one["title"], one["needs"]) for one in data("list")] == [(one["id"], one["title"], one["needs"]) for one in WRITTEN]
    lines = printed("list").splitlines()
    assert [line.split()[0] for line in lines] == [one["id"] for one in WRITTEN]
    assert all(line.endswith(one["title"]) for line, one in zip(lines, WRITTEN, strict=True))


@pytest.mark.parametrize("target", ["local", "containers", "cluster"])
def test_a_plan_has_each_checkpoint_with_where_it_is_checked_and_what_cannot_be_proven(target: str) -> None:
    shows = RunSettings(target=known_target(target)).shows
    checked = {one["id"]: [level for level in one["needs"] if level in shows] for one in WRITTEN}
    assert {one["id"]: one["checked_at"] for one in data("plan", "--target", target)} == checked
    for line, one in zip(printed("plan", "--target", target).splitlines(), WRITTEN, strict=True):
        levels = checked[one["id"]]
        needed = f"NOT PROVEN on this target; needs {' or '.join(one['needs'])}"
        assert line.endswith(f"checked at: {', '.join(levels)}" if levels else needed)


@pytest.mark.parametrize("one", WRITTEN, ids=lambda one: one["id"])
def test_an_explanation_has_what_it_proves_where_it_runs_and_its_defects(one: Any) -> None:
    told = data("explain", one["id"])
    assert (told["proves"], told["needs"]) == (one["proves"], one["needs"])
    assert [defect["id"] for defect in told["defects"]] == [defect["id"] for defect in DEFECTS if one["id"] in caught_by(defect)]
    text = printed("explain", one["id"])
    assert {one["proves"], f"Checked at:  {', '.join(one['needs'])}"} <= set(text.splitlines())
    assert text.count("\nCatches: ") == len(told["defects"])


def test_the_list_of_defects_has_each_with_the_checkpoints_that_must_catch_it() -> None:
    told = {one["id"]: [*one["checkpoints"], *one["cluster_checkpoints"]] for one in data("defects", "list")}
    assert told == {one["id"]: caught_by(one) for one in DEFECTS}
    lines = {line.split()[0]: line for line in printed("defects", "list").splitlines()}
    assert lines.keys() == told.keys()
    assert all(one in lines[name] for name, ids in told.items() for one in ids)
