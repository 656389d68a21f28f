"""A probe of a running system looks each time it is asked: an answer from memory is right once, and hides whatever happens later."""

import ast

import pytest

from validation.core.settings import PROJECT

FOLDER = PROJECT / "validation" / "probes" / "running"
MEMORIES = {"cache", "lru_cache", "cached_property", "cachedmethod"}
CONSTANTS = {
    "http.py _trust": "the certificates of this machine",
    "stream_dump.py _table": "a table of the checksum, computed from nothing",
}
"""What may be remembered: it says nothing about a system."""


def remembered(source: str) -> list[str]:
    """Return the functions of a module that are decorated with a memory."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = {inner.attr if isinstance(inner, ast.Attribute) else getattr(inner, "id", "")
                     for decorator in node.decorator_list for inner in ast.walk(decorator)}  # fmt: skip
            if names & MEMORIES:
                found.append(node.name)
    return found


def test_no_probe_answers_from_memory() -> None:
    files = sorted(FOLDER.glob("*.py"))
    assert len(files) > 10
    found = {f"{file.name} {name}" for file in files for name in remembered(file.read_text(encoding="utf-8"))}
    assert found == set(CONSTANTS)


@pytest.mark.parametrize("decorator", ["@cache", "@functools.cache", "@lru_cache(maxsize=4)", "@functools.lru_cache", "@cached_property"])
def test_each_kind_of_memory_is_noticed(decorator: str) -> None:
    assert remembered(f"{decorator}\ndef measured(pid): ...\n") == ["measured"]
    assert remembered("@property\ndef measured(self): ...\n") == []
