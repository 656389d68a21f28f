"""Mutants are small changes that compile, and only of code that has an effect."""

import ast
import tomllib
from pathlib import Path

import pytest

from validation.core.settings import PROJECT
from validation.defects.mutants import chart, trial
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


def test_a_seed_repeats_the_draw() -> None:
    heartbeat = "system/consumer/heartbeat.py"
    assert trial.sample(5, 7, heartbeat) == trial.sample(5, 7, heartbeat)
    assert trial.sample(5, 7, heartbeat) != trial.sample(5, 8, heartbeat)
    assert {one.file for one in trial.sample(9, 7, heartbeat)} == {heartbeat}
    assert trial.sample(5, 7, "no/such") == []


def test_an_accepted_survivor_is_still_a_mutant_and_has_a_reason() -> None:
    entries = tomllib.loads(trial.ACCEPTED.read_text(encoding="utf-8")).get("survivor", [])
    assert trial.accepted().keys() <= {trial.key(one) for one in [*EVERY, *chart.mutants_of(PROJECT)]}
    assert all(len(one["reason"].split()) > 4 for one in entries)


def test_a_pattern_matches_its_mutants_and_no_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    entry = 'kind = "scalar changed"\nbefore = "periodSeconds: *"\nafter = "periodSeconds: *"\nreason = "a second later"'
    monkeypatch.setattr(trial, "ACCEPTED", tmp_path / "accepted.toml")
    trial.ACCEPTED.write_text(f'[[survivor]]\nfile = "chart/templates/re*"\n{entry}')
    like = [one for one in chart.mutants_of(PROJECT, "chart/templates/redis.yaml") if one.after.startswith("periodSeconds: ")]
    assert trial.accepted() == {trial.key(one): "a second later" for one in like}
    assert len(like) == 3


def test_every_entry_matches_a_mutant() -> None:
    entries = tomllib.loads(trial.ACCEPTED.read_text(encoding="utf-8"))["survivor"]
    accepted = trial.accepted()
    for one in entries:
        assert one["reason"] in accepted.values(), one["before"]
