"""No observation is right because there was nothing to look at."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from validation.core.settings import PROJECT

OBSERVING = sorted([*(PROJECT / "features").rglob("*.py"), *(PROJECT / "validation" / "probes").rglob("*.py")])
FILTERED = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
NEVER_EMPTY = {
    "_observe_served": "the documented metrics, which are counted where they are read",
    "denials_are_controlled": "every denial may have its own control; the step before it has counted the cells",
    "log_reports_start": "the lines of the log; two of them are the start events of the same step",
    "all_rejected": "the levels of the values: the top one always exists",
    "logs_nothing_below_warning": "silence is what is checked; the step before it has shown that the consumer works",
    "names_differ": "the scenarios; the step before it has shown that each checkpoint has one",
}
"""Steps that look for wrong elements of something that is known not to be empty, or may be, with the reason."""


def observing(function: ast.FunctionDef) -> list[dict[str, ast.expr]]:
    """Return the arguments of each `observe` of a step."""
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and ast.unparse(node.func) == "observe"]
    return [{word.arg: word.value for word in call.keywords if word.arg} for call in calls]


def assigned(function: ast.FunctionDef) -> dict[str, ast.expr]:
    found = (node for node in ast.walk(function) if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name))
    return {node.targets[0].id: node.value for node in found if isinstance(node.targets[0], ast.Name)}


def looks_for_wrong_ones(given: dict[str, ast.expr], names: dict[str, ast.expr]) -> bool:
    """Return whether an observation expects none of the elements that a comprehension filters."""
    expected, observed = given.get("expected"), given.get("observed")
    if not isinstance(expected, (ast.List, ast.Tuple, ast.Dict)) or ast.unparse(expected) not in {"[]", "()", "{}"} or observed is None:
        return False
    shown = next((node for node in ast.walk(observed) if isinstance(node, ast.Name) and node.id in names), None)
    source = names[shown.id] if shown is not None else observed
    return any(isinstance(node, FILTERED) and any(loop.ifs for loop in node.generators) for node in ast.walk(source))


def unguarded(tree: ast.Module) -> Iterator[str]:
    """Yield the steps that would be right about nothing: no other observation of theirs says that there is something."""
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        observations, names = observing(function), assigned(function)
        counts = [
            one for one in observations if "holds" in one and any(word in ast.unparse(one["expected"]) for word in ("some", "at least"))
        ]
        equal = [one for one in observations if "holds" not in one and "len(" in ast.unparse(one["observed"])]
        if any(looks_for_wrong_ones(one, names) for one in observations) and not (counts or equal):
            yield function.name


@pytest.mark.parametrize("file", OBSERVING, ids=lambda file: str(file.relative_to(PROJECT)))
def test_no_observation_calls_all(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    calls = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "all"]
    assert calls == [], "all() of nothing is True: use validation.core.collections.every"


def test_each_step_that_looks_for_wrong_elements_says_that_there_are_any() -> None:
    steps = [file for file in OBSERVING if "features" in file.parts]
    found = {name for file in steps for name in unguarded(ast.parse(file.read_text(encoding="utf-8")))}
    assert found - NEVER_EMPTY.keys() == set()
    assert NEVER_EMPTY.keys() - found == set(), "remove what no step needs"


def test_a_step_that_would_be_right_about_nothing_is_seen() -> None:
    bad = "def step(observe, found):\n    wrong = [one for one in found if one.bad]\n    observe('wrong', expected=[], observed=wrong)\n"
    good = bad + "    observe('all', expected='at least 3', observed=len(found), holds=len(found) >= 3)\n"
    assert list(unguarded(ast.parse(bad))) == ["step"]
    assert list(unguarded(ast.parse(good))) == []
