"""The architecture page names modules that exist, and the layers that import-linter enforces."""

import re
import tomllib

import pytest

from validation.core.settings import PROJECT

PAGE = (PROJECT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"(?<![\w/.-])(?:system|validation|features|chart|loadtests|tests)/[\w./-]*\w", PAGE)))


def test_the_page_names_modules() -> None:
    assert len(NAMED) > 40


@pytest.mark.parametrize("name", NAMED)
def test_each_named_module_exists(name: str) -> None:
    assert (PROJECT / name).exists()


def test_the_layers_are_those_that_import_linter_enforces() -> None:
    with (PROJECT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["name"] == "The harness is layered"]
    table = PAGE.partition("\n### Layers\n")[2].partition("\n## ")[0]
    named = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", table, re.MULTILINE)
    assert [re.findall(r"\w+", row) for row in named] == [re.findall(r"\w+", layer) for layer in layers if layer != "__main__"]
