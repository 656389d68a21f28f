"""Which branches of the chart's templates a set of values takes: render a copy that says where it has been."""

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
MARK = "«branch {}»"
"""What the copy says in a branch; no template of ours has such a text, and nothing reads it but this module."""


@dataclass(frozen=True, slots=True, order=True)
class Branch:
    """One way through a template.

    Attributes:
        template: the file, such as `templates/api.yaml`.
        line: where the action is that decides.
        action: its text, such as `if .Values.api.autoscaling.enabled`.
        otherwise: the way that is taken when the condition does not hold, whether or not the template has an `else` for it.
    """

    template: str
    line: int
    action: str
    otherwise: bool = False

    @property
    def condition(self) -> str:
        """What it is, wherever in the template."""
        return f"{'not ' if self.otherwise else ''}{self.action}"

    def __str__(self) -> str:
        return f"{self.template}:{self.line} {self.condition}"


def coverage(chart_dir: Path, settings: Iterable[Values]) -> tuple[tuple[Branch, ...], tuple[Branch, ...]]:
    """Find all branches of the templates, and those of them that none of some values takes.

    A way that no values can take is none: past a `with` or `range` over a literal, over the dot of a `with`, or over a value that the
    schema does not let be empty.

    Raises:
        ProbeError: a template's actions do not match up, or helm cannot read the chart.
        RenderFailed: the chart cannot be rendered with one of the values.
    """
    with tempfile.TemporaryDirectory(prefix="votecheck-branches-") as temporary:
        copy = Path(temporary) / "chart"
        shutil.copytree(chart_dir, copy)
        known: list[Branch] = []
        for file in sorted(f for f in (copy / "templates").rglob("*") if f.is_file()):
            text = file.read_text(encoding="utf-8")
            file.write_text(_marked(text, str(file.relative_to(copy)), known), encoding="utf-8")
        with open_chart(copy) as chart:
            texts = [text for values in settings for text in chart.render(dict(values), name="voting", namespace="default").values()]
            schema = chart.schema or {}
    been = {int(number) for text in texts for number in re.findall(MARK.format(r"(\d+)"), text)}
    possible = [b for b in known if not (b.otherwise and _always(b.action, schema))]
    return tuple(possible), tuple(b for b in possible if known.index(b) not in been)


def _marked(text: str, template: str, known: list[Branch]) -> str:
    """Put a mark into each branch of one template; its branches are added to those that are known."""

    def mark(branch: Branch) -> str:
        known.append(branch)
        return MARK.format(len(known) - 1)

    marked, at, open_actions = "", 0, list[tuple[str, int]]()
    for action in ACTION.finditer(text):
        said, line = action["text"], text.count("\n", 0, action.start()) + 1
        word = said.split(" ", 1)[0]
        before, after = "", ""
        if word in OPENING:
            open_actions.append((said, line))
            after = mark(Branch(template, line, said))
        elif word in {"define", "block"}:
            open_actions.append(("", line))
        elif word == "else" and open_actions:
            first, first_line = open_actions[-1]
            if said == "else":
                after = mark(Branch(template, first_line, first, otherwise=True))
                open_actions[-1] = ("", first_line)  # its other way is there
            else:
                open_actions[-1] = (said.removeprefix("else "), line)
                after = mark(Branch(template, line, said.removeprefix("else ")))
        elif word == "end" and open_actions:
            first, first_line = open_actions.pop()
            if first:
                before = "{{ else }}" + mark(Branch(template, first_line, first, otherwise=True))
        elif word in {"else", "end"}:
            raise ProbeError(f"{template}:{line} ends what nothing began.", "the template is broken", "helm template chart")
        marked += text[at : action.start()] + before + action[0] + after
        at = action.end()
    return marked + text[at:]


def _always(action: str, schema: Mapping[str, Any]) -> bool:
    """Tell whether what a `with` or `range` goes over can not be empty."""
    word, _, rest = action.partition(" ")
    named = NAMED.fullmatch(rest)
    if word == "if" or not named:
        return False
    pipeline = named["pipeline"].strip()
    if pipeline == "." or pipeline.split(" ", 1)[0] in {"list", "dict"}:
        return True
    path = re.fullmatch(r"\$?\.Values\.([\w.]+)", pipeline)
    described: Any = schema
    for name in path[1].split(".") if path else ():
        described = described.get("properties", {}).get(name, {})
    return bool(path) and (bool(described.get("required")) or described.get("minItems", 0) > 0)
