"""Measure branch coverage of the chart's templates: render a copy that marks every branch it takes."""

import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from validation.core.errors import ProbeError
from validation.probes.chart.manifests import Values, open_chart

ACTION = re.compile(r"\{\{-?\s*(?P<text>/\*.*?\*/|.*?)\s*-?\}\}", re.DOTALL)
OPENING = ("if", "with", "range")
NAMED = re.compile(r"(\$\w+(, *\$\w+)* *:= *)?(?P<pipeline>.*)", re.DOTALL)
REFUSALS = "refusals.yaml"
"""The template that renders nothing: its branches end the rendering, so no values file can take them. Refused pairs of values do."""
MARK = "votecheck-branch-{};"
"""Text that the copy renders in a branch. No template contains it, and only this module reads it."""


@dataclass(frozen=True, slots=True, order=True)
class Branch:
    """One branch of a template.

    Attributes:
        template: the file, such as `templates/api.yaml`.
        line: line of the action that decides.
        action: text of the action, such as `if .Values.api.autoscaling.enabled`.
        negated: whether this is the branch taken when the condition is false, with or without an `else`.
    """

    template: str
    line: int
    action: str
    negated: bool = False

    @property
    def condition(self) -> str:
        """The condition under which the branch is taken, without its position."""
        return f"{'not ' if self.negated else ''}{self.action}"

    def __str__(self) -> str:
        return f"{self.template}:{self.line} {self.condition}"


def coverage(chart_dir: Path, values_sets: Iterable[Values]) -> tuple[tuple[Branch, ...], tuple[Branch, ...]]:
    """Return all branches of the templates, and those that none of the values takes.

    Impossible branches are left out: skipping a `with` or `range` over a literal, over the dot of a `with`, or over a value that the
    schema requires to be non-empty.

    Raises:
        ProbeError: a template's actions are unbalanced, or helm cannot read the chart.
        RenderFailed: the chart cannot be rendered with one of the values.
    """
    with tempfile.TemporaryDirectory(prefix="votecheck-branches-") as temporary:
        copy = Path(temporary) / "chart"
        shutil.copytree(chart_dir, copy)
        branches: list[Branch] = []
        for file in sorted(f for f in (copy / "templates").rglob("*") if f.is_file() and f.name != REFUSALS):
            text = file.read_text(encoding="utf-8")
            file.write_text(_marked(text, str(file.relative_to(copy)), branches), encoding="utf-8")
        with open_chart(copy) as chart:
            texts = [text for values in values_sets for text in chart.render(dict(values), name="voting", namespace="default").values()]
            schema = chart.schema or {}
    taken = {int(number) for text in texts for number in re.findall(MARK.format(r"(\d+)"), text)}
    possible = [b for b in branches if not (b.negated and _never_empty(b.action, schema))]
    return tuple(possible), tuple(b for b in possible if branches.index(b) not in taken)


def _marked(text: str, template: str, branches: list[Branch]) -> str:
    """Return the template with a mark in each branch, and append its branches to `branches`."""

    def mark(branch: Branch) -> str:
        branches.append(branch)
        return MARK.format(len(branches) - 1)

    marked, at, open_actions = "", 0, list[tuple[str, int]]()
    for action in ACTION.finditer(text):
        content, line = action["text"], text.count("\n", 0, action.start()) + 1
        word = content.split(" ", 1)[0]
        before, after = "", ""
        if word in OPENING:
            open_actions.append((content, line))
            after = mark(Branch(template, line, content))
        elif word in {"define", "block"}:
            open_actions.append(("", line))
        elif word == "else" and open_actions:
            first, first_line = open_actions[-1]
            if content == "else":
                after = mark(Branch(template, first_line, first, negated=True))
                open_actions[-1] = ("", first_line)  # the negated branch is explicit
            else:
                open_actions[-1] = (content.removeprefix("else "), line)
                after = mark(Branch(template, line, content.removeprefix("else ")))
        elif word == "end" and open_actions:
            first, first_line = open_actions.pop()
            if first:
                before = "{{ else }}" + mark(Branch(template, first_line, first, negated=True))
        elif word in {"else", "end"}:
            raise ProbeError(f"{template}:{line} has {word} without an open block.", "the template is broken", "helm template chart")
        marked += text[at : action.start()] + before + action[0] + after
        at = action.end()
    return marked + text[at:]


def _never_empty(action: str, schema: Mapping[str, Any]) -> bool:
    """Return whether the operand of a `with` or `range` is never empty."""
    word, _, rest = action.partition(" ")
    named = NAMED.fullmatch(rest)
    if word == "if" or not named:
        return False
    pipeline = named["pipeline"].strip()
    if pipeline == "." or pipeline.split(" ", 1)[0] in {"list", "dict"}:
        return True
    path = re.fullmatch(r"\$?\.Values\.([\w.]+)", pipeline)
    subschema: Any = schema
    for name in path[1].split(".") if path else ():
        subschema = subschema.get("properties", {}).get(name, {})
    return bool(path) and (bool(subschema.get("required")) or subschema.get("minItems", 0) > 0)
