"""Fixtures of all step modules share one space of names, in which a second one silently takes the place of the first."""

import ast
from collections import Counter
from pathlib import Path

FEATURES = Path(__file__).parents[2] / "features"


def fixtures(source: str) -> list[str]:
    """List the functions that are decorated as fixtures."""
    return [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and any("fixture" in ast.unparse(d).partition("(")[0] for d in node.decorator_list)
    ]


def test_no_fixture_takes_the_name_of_another() -> None:
    names = Counter(name for file in FEATURES.rglob("*.py") for name in fixtures(file.read_text(encoding="utf-8")))
    assert len(names) > 20
    assert [name for name, count in names.items() if count > 1] == []
