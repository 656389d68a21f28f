"""Mutants of templates are small changes of lines, and only those that render differently are used."""

import pytest

from validation.core.settings import PROJECT
from validation.defects.mutants.chart import matters, mutants, mutants_of
from validation.defects.mutants.mutant import Mutant

FILE = "chart/templates/some.yaml"


def after(text: str) -> set[tuple[str, str]]:
    return {(one.kind, one.text) for one in mutants(FILE, text)}


@pytest.mark.parametrize(
    ("text", "kind", "mutated"),
    [
        ("a: 5\nb: 6\n", "scalar changed", "a: 6\nb: 6\n"),
        ("a: true\n", "scalar changed", "a: false\n"),
        ("- name: PGDATA\n", "scalar changed", "- name: PGDATAx\n"),
        ("a: votes # why\n", "scalar changed", "a: votesx\n"),
        ("a: 5\nb: 6\n", "line left out", "b: 6\n"),
        ("a:\n  - b: 1\n    c: 2\n  - d: 3\n", "item left out", "a:\n  - d: 3\n"),
        ("a:\n  - b:\n    {{- if .c }}\n      d: 1\n    {{- end }}\n  - e: 1\n", "item left out", "a:\n  - e: 1\n"),
    ],
)
def test_a_kind_of_change(text: str, kind: str, mutated: str) -> None:
    assert (kind, mutated) in after(text)


@pytest.mark.parametrize("text", ["# a: 5\n", "{{- if .a }}\n", "a: {{ .b }}\n", "a: |\n", "a:\n", "a: [b]\n"])
def test_only_scalars_are_changed(text: str) -> None:
    assert after(text) == set()


def test_an_item_with_an_unclosed_block_is_not_left_out() -> None:
    assert "item left out" not in {kind for kind, _ in after("a:\n  - b: 1\n    {{- if .c }}\n  - d: 1\n    {{- end }}\n")}


def test_only_a_mutant_that_renders_differently_matters() -> None:
    every = mutants_of(PROJECT)
    assert len(every) > 400
    by_line = {(one.file, one.before, one.kind): one for one in every}
    assert matters(by_line["chart/templates/api.yaml", "apiVersion: policy/v1", "scalar changed"], PROJECT)
    text = (PROJECT / "chart/templates/api.yaml").read_text(encoding="utf-8")
    for broken in (text, f"{text}# nothing\n", f"{text}{{{{"):
        assert not matters(Mutant("chart/templates/api.yaml", 1, "", "", "", broken), PROJECT)
