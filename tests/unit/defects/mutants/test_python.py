"""Mutants are small changes that compile, and only of code that has an effect."""

import ast
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from validation.core.settings import PROJECT
from validation.defects.mutants import results
from validation.defects.mutants.every import mutants as mutants_of_all
from validation.defects.mutants.python import mutants, mutants_of

FILE = "system/some.py"


def after(text: str) -> set[tuple[str, str]]:
    return {(one.kind, one.text) for one in mutants(FILE, text)}


@pytest.mark.parametrize(
    ("text", "kind", "mutated"),
    [
        ("a < b", "comparison", "(a <= b)"),
        ("a is None", "comparison", "(a is not None)"),
        ("a in b", "comparison", "(a not in b)"),
        ("a and b", "and for or", "(a or b)"),
        ("a - b", "operator", "(a + b)"),
        ("a = 5", "constant", "a = 6"),
        ("a = True", "constant", "a = False"),
        ("a = 'votes'", "constant", "a = 'votesx'"),
        ("a = b'votes'", "constant", "a = b'votesx'"),
        ("if a:\n    b()", "condition negated", "if not a:\n    b()"),
        ("if a:\n    b()", "call left out", "if a:\n    pass"),
        ("async def f():\n    await b()", "call left out", "async def f():\n    pass"),
        ("async def f():\n    await b()", "await left out", "async def f():\n    (b())"),
        ("a = f(b, c, d)", "arguments swapped", "a = (f(c, b, d))"),
        ("def f():\n    return a", "nothing returned", "def f():\n    return None"),
        ("def f():\n    raise a", "error left out", "def f():\n    pass"),
        ("def f():\n    if a:\n        b()\n    c()", "condition negated", "def f():\n    if not a:\n        b()\n    c()"),
        ("é = 'é'; a = 1", "constant", "é = 'é'; a = 2"),
    ],
)  # fmt: skip
def test_a_kind_of_change(text: str, kind: str, mutated: str) -> None:
    assert (kind, mutated) in after(text)


@pytest.mark.parametrize(
    "text",
    [
        '"""What it is."""',
        'def f() -> "int":\n    """Do it."""',
        "a: 'int'",
        "from a import b",
        "if TYPE_CHECKING:\n    a = 1",
        "f'{a}'",
        "def f():\n    return None",
        "a = ''",
        "a + 'x'",
    ],
)
def test_code_without_an_effect_is_not_changed(text: str) -> None:
    assert {kind for kind, _ in after(text)} <= {"constant" if text == "a + 'x'" else ""}


EVERY = mutants_of(PROJECT)


def test_every_mutant_of_the_system_compiles_and_differs() -> None:
    originals = {file: ast.dump(ast.parse((PROJECT / file).read_text(encoding="utf-8"))) for file in {one.file for one in EVERY}}
    assert len(EVERY) > 1000
    assert len({(one.file, one.text) for one in EVERY}) == len(EVERY)
    assert all(ast.dump(ast.parse(one.text)) != originals[one.file] for one in EVERY[::10])


def test_an_accepted_survivor_is_still_a_mutant_and_has_a_reason() -> None:
    entries = tomllib.loads(results.ACCEPTED.read_text(encoding="utf-8"))["survivor"]
    assert all(len(one["reason"].split()) > 4 for one in entries)
    of_harness = {one["file"] for one in entries if one["file"].startswith("validation/")}
    every = [mutant for part in ("", *of_harness) for mutant in mutants_of_all(part)]
    keys = {(one.file, one.kind, one.before, one.after) for one in every}
    for one in entries:
        pattern = (one["file"], one["kind"], one["before"], one["after"])
        assert pattern in keys if "*" not in one["file"] else any(all(map(fnmatchcase, key, pattern)) for key in keys), one["before"]


def test_a_pattern_matches_its_mutants_and_no_other(tmp_path: Path) -> None:
    entry = 'kind = "scalar changed"\nbefore = "periodSeconds: *"\nafter = "periodSeconds: *"\nreason = "a second later"'
    (tmp_path / "accepted.toml").write_text(f'[[survivor]]\nfile = "chart/templates/re*"\n{entry}')
    accepted = results.Accepted(tmp_path / "accepted.toml")
    lines = [
        results.Line("", one.file, one.line, one.kind, one.before, one.after, "survived", "", "", 0.0, "")
        for one in mutants_of_all("chart/templates/")
    ]
    like = [one for one in lines if accepted.why(one)]
    assert {one.file for one in like} == {"chart/templates/redis.yaml"}
    assert all(one.after.startswith("periodSeconds: ") for one in like)
    assert len(like) == 3
