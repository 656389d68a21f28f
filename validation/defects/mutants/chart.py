"""Mutants of the chart's templates: a scalar changed, a line left out, or an item of a list (such as a rule of a policy) left out.

They are made from the text, because a template is not YAML before it is rendered.
"""

import re
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from shutil import copytree

from validation.core.errors import ProbeError
from validation.defects.mutants.mutant import Mutant, of_files
from validation.probes.chart import manifests, values

SCALAR = re.compile(r"^(?P<head> *(?:- )?[\w./-]+: )(?P<value>[^\s{}\[\]&*|>#'\"][^{}\[\]#\n]*?)\s*(?: #.*)?$")
ITEM = re.compile(r"^(?P<indent> *)- ")
RANDOM = "Secret"
"""Its passwords differ each time it is rendered."""


def mutants_of(source: Path, only: str = "") -> list[Mutant]:
    """Return all mutants of the chart's templates, in the order of files and lines. Some do not render, or render the same.

    Args:
        source: the folder with `chart/`.
        only: a prefix of paths; other files are left out.
    """
    paths = (file for file in (source / "chart" / "templates").rglob("*") if file.suffix in {".yaml", ".tpl"})
    return of_files(source, paths, only, mutants)


def matters(mutant: Mutant, source: Path) -> bool:
    """Return whether a mutant renders, and differently, with one of the shipped values files."""
    chart = source / "chart"
    with tempfile.TemporaryDirectory(prefix="votecheck-chart-") as temporary:
        copy = Path(temporary) / "chart"
        copytree(chart, copy)
        (copy.parent / mutant.file).write_text(mutant.text, encoding="utf-8")
        try:
            return any(_bodies(copy, given) != _unchanged(chart, file) for file, given in values.shipped(chart).items())
        except (manifests.RenderFailed, ProbeError):
            return False


@cache
def _unchanged(chart: Path, file: str) -> list[manifests.Manifest]:
    return _bodies(chart, values.shipped(chart)[file])


def _bodies(chart: Path, given: manifests.Values) -> list[manifests.Manifest]:
    return [one for one in manifests.render(chart, given) if one.kind != RANDOM]


def mutants(file: str, text: str) -> list[Mutant]:
    """Return all mutants of one template's text, whether they render or not."""
    lines = text.splitlines(keepends=True)
    found = []
    for number in range(len(lines)):
        for kind, end, after in _changes(lines, number):
            mutated = "".join([*lines[:number], after, *lines[end:]])
            found.append(Mutant(file, number + 1, kind, "".join(lines[number:end]).strip(), after.strip() or "nothing", mutated))
    return found


def _changes(lines: list[str], number: int) -> Iterator[tuple[str, int, str]]:
    """Yield the changes at a line: the kind, the number of the line after the replaced ones, and the replacement."""
    line = lines[number]
    if scalar := SCALAR.match(line):
        yield "scalar changed", number + 1, f"{scalar['head']}{other(scalar['value'])}\n"
        if not line.lstrip().startswith("- "):
            yield "line left out", number + 1, ""
    if item := ITEM.match(line):
        end = number + 1
        while end < len(lines) and (not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > len(item["indent"])):
            end += 1
        if _balanced(lines[number:end]):
            yield "item left out", end, ""


def _balanced(block: list[str]) -> bool:
    """Return whether a block of a template closes what it opens."""
    words = re.findall(r"{{-? *(if|range|with|define|block|else|end)\b", "".join(block))
    depth = 0
    for word in words:
        depth += {"end": -1, "else": 0}.get(word, 1)
        if depth < 0 or (word == "else" and depth == 0):
            return False
    return depth == 0


def other(value: str) -> str:
    """Return another scalar of the same kind."""
    if value in {"true", "false"}:
        return "false" if value == "true" else "true"
    return str(int(value) + 1) if value.isdigit() else f"{value}x"
