"""A step without a definition: the Python to paste, with the parameters that its text seems to have."""

import json
import re

from pytest_bdd.parser import Step

_QUOTED = re.compile(r'"[^"{}]*"')
_NUMBER = re.compile(r"(?<![\w.-])\d+(?![\w.-])")
_NOT_IN_NAMES = re.compile(r"\W+", re.ASCII)
NAME_MAX = 50
OBSERVATION = 'observe("what is compared", expected="what is right", observed="what was read")'


def reason(step: Step, where: str) -> str:
    """Return what to say of a step that nothing defines.

    Args:
        step: the step, filled with its row of Examples.
        where: its feature and line.
    """
    paste = "Paste this into a module of features/steps/ and fill it in"
    return f'The step "{step.name}" has no definition ({where}). {paste}:\n\n{snippet(step)}'


def snippet(step: Step) -> str:
    """Return a definition of a step, ready to paste. Until it is filled in, it is not proven: nothing passes by being pasted."""
    pattern, parameters = _pattern(step.name)
    text = _string(pattern)
    imports = f"from pytest_bdd import {', '.join(['parsers'] * bool(parameters) + [step.type])}"
    decorator = f"@{step.type}(parsers.parse({text}))" if parameters else f"@{step.type}({text})"
    observes = step.type == "then"
    arguments = [*(f"{name}: {kind}" for name, kind in parameters.items()), *(["observe: Observe"] * observes)]
    own = ["from validation.core.errors import NotProven", *["from validation.record.observe import Observe"] * observes]
    body = ['raise NotProven("This step is not written yet.")', *[f"# instead: {OBSERVATION}"] * observes]
    head = f"def {_function(step.name)}({', '.join(arguments)}) -> None:"
    return "\n".join([imports, "", *own, "", "", decorator, head, *(f"    {line}" for line in body)])


def _pattern(text: str) -> tuple[str, dict[str, str]]:
    """Return the text of a step with its quoted words and numbers as parameters, and the type of each."""
    if "{" in text or "}" in text:  # the parser would take them for parameters
        return text, {}
    parameters: dict[str, str] = {}

    def parameter(kind: str, written: str) -> str:
        name = f"{'word' if kind == 'str' else 'number'}{len(parameters) + 1}"
        parameters[name] = kind
        return written.format(name)

    text = _QUOTED.sub(lambda _: parameter("str", '"{{{}}}"'), text)
    return _NUMBER.sub(lambda _: parameter("int", "{{{}:d}}"), text), parameters


def _string(text: str) -> str:
    return f"'{text}'" if '"' in text and "'" not in text and "\\" not in text else json.dumps(text, ensure_ascii=False)


def _function(text: str) -> str:
    words = _NOT_IN_NAMES.sub("_", text).strip("_").lower()[:NAME_MAX].strip("_")
    return words if words.isidentifier() else f"step_{words}"
