"""Fixtures of features/ share one namespace, where a duplicate silently replaces the first; rules have the title of their checkpoint."""

import ast
from collections import Counter
from pathlib import Path

from pytest_bdd.gherkin_parser import get_gherkin_document

from validation.registry.checkpoints import registry

FEATURES = Path(__file__).parents[2] / "features"


def fixtures(source: str) -> list[str]:
    """Return the names of the functions that are decorated as fixtures."""
    return [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and any("fixture" in ast.unparse(d).partition("(")[0] for d in node.decorator_list)
    ]


def test_fixture_names_are_unique() -> None:
    names = Counter(name for file in FEATURES.rglob("*.py") for name in fixtures(file.read_text(encoding="utf-8")))
    assert len(names) > 20
    assert [name for name, count in names.items() if count > 1] == []


def test_each_rule_is_named_after_its_checkpoint() -> None:
    rules = [
        child.rule for file in FEATURES.glob("*/*.feature") for child in get_gherkin_document(str(file)).feature.children if child.rule
    ]
    marks = {checkpoint.mark: f"{checkpoint.id} {checkpoint.title}" for checkpoint in registry().values()}
    named = {tag.name.lstrip("@"): rule.name for rule in rules for tag in rule.tags if tag.name.startswith("@cp_")}
    assert len(named) == len(marks)
    assert {mark: title for mark, title in named.items() if marks[mark] != title} == {}
