"""The feature files and step modules that each checkpoint depends on, read without running them."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path

from validation.core.errors import ProbeError
from validation.core.settings import PROJECT
from validation.probes.source import scenarios
from validation.probes.source.scenarios import Scenario

_DEFINES = frozenset({"given", "when", "then", "step"})
_QUOTED_NAME = re.compile(r"""["']([A-Za-z_]\w*)["']""")
ANYTHING = re.compile("")
"""Stands for a step text that is not a literal."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What depends on what.

    Attributes:
        tags: the checkpoint tags of each feature file, by its path.
        modules: the step modules whose definitions a feature file uses, by its path.
        alone: the step modules that nothing depends on except the feature files that use their steps.
    """

    tags: Mapping[str, frozenset[str]]
    modules: Mapping[str, frozenset[str]]
    alone: frozenset[str]


@dataclass(frozen=True, slots=True)
class Module:
    """A step module.

    Attributes:
        patterns: what the texts of its steps match.
        fixtures: the fixtures that it defines.
        requests: every name that it may request a fixture by.
        imports: the modules that it imports, and the names it imports from them.
        autouse: whether one of its fixtures applies to every scenario.
    """

    patterns: tuple[re.Pattern[str], ...]
    fixtures: frozenset[str]
    requests: frozenset[str]
    imports: frozenset[str]
    autouse: bool


@cache
def read_inputs(project: Path = PROJECT) -> Inputs:
    """Read what the checkpoints of a project depend on.

    A step that matches no literal text is attributed to every module whose step texts are not all literals.

    Raises:
        ProbeError: a feature file is not Gherkin.
    """
    modules = {
        _name(file, project): read_module(file.read_text(encoding="utf-8")) for file in sorted((project / "features/steps").rglob("*.py"))
    }
    texts = {_name(file, project): file.read_text(encoding="utf-8") for file in (project / "features").glob("*/*.feature")}
    written = {name: scenarios.parse(text, name) for name, text in texts.items()}
    return Inputs(
        {name: _tags(some) for name, some in written.items()},
        {name: frozenset(_modules_used(some, modules)) for name, some in written.items()},
        frozenset(module for module in modules if not _shared(module, modules)),
    )


def tags_in(text: str) -> frozenset[str]:
    """Return the checkpoint tags of a feature file, without the @. A text that is not Gherkin has none: no scenario of it could run."""
    try:
        return _tags(scenarios.parse(text, "an earlier version"))
    except ProbeError:
        return frozenset()


def _tags(written: Iterable[Scenario]) -> frozenset[str]:
    return frozenset(tag for one in written for tag in one.checkpoints)


@cache
def read_module(text: str) -> Module:
    """Read the source of a step module. A step text that is not a literal matches everything."""
    patterns, fixtures, imports, autouse = list[re.Pattern[str]](), set[str](), set[str](), False
    requests = set(_QUOTED_NAME.findall(text))  # request.getfixturevalue("place")
    for node in _statements(ast.parse(text).body):
        if isinstance(node, ast.FunctionDef):
            requests.update(argument.arg for argument in chain(node.args.posonlyargs, node.args.args, node.args.kwonlyargs))
            for decorator in node.decorator_list:
                called = decorator.func if isinstance(decorator, ast.Call) else decorator
                if _last(called) == "fixture":
                    fixtures.add(node.name)
                    autouse |= isinstance(decorator, ast.Call) and any(word.arg == "autouse" for word in decorator.keywords)
                elif isinstance(decorator, ast.Call) and _last(called) in _DEFINES:
                    patterns.append(_pattern(decorator.args[0] if decorator.args else None))
        elif isinstance(node, ast.ImportFrom) and node.module:
            imports.update((node.module, *(f"{node.module}.{name.name}" for name in node.names)))
        elif isinstance(node, ast.Import):
            imports.update(name.name for name in node.names)
    return Module(tuple(patterns), frozenset(fixtures), frozenset(requests), frozenset(imports), autouse)


def _statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield every statement, however deep. Expressions hold no definition and no import, and are most of a module."""
    for node in body:
        yield node
        for part in ("body", "handlers", "orelse", "finalbody", "cases"):
            inner = getattr(node, part, None)
            if isinstance(inner, list):
                yield from _statements(inner)


def _modules_used(written: Iterable[Scenario], modules: Mapping[str, Module]) -> set[str]:
    used = set[str]()
    for texts in {texts for one in written for texts in one.texts()}:
        matching = {
            name for name, module in modules.items() if any(p.fullmatch(t) for p in module.patterns if p is not ANYTHING for t in texts)
        }
        used |= matching or {name for name, module in modules.items() if ANYTHING in module.patterns} or set(modules)
    return used


def _shared(name: str, modules: Mapping[str, Module]) -> bool:
    """Return whether features use a module without naming a step of it: another module imports it or may request one of its fixtures."""
    dotted = name.removesuffix(".py").replace("/", ".")
    module, others = modules[name], [module for other, module in modules.items() if other != name]
    needed = any(dotted in other.imports or module.fixtures & other.requests for other in others)
    return needed or module.autouse or name.endswith("__init__.py")


def _pattern(given: ast.expr | None) -> re.Pattern[str]:
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        return re.compile(re.escape(given.value))
    inner = given.args[0] if isinstance(given, ast.Call) and given.args else None
    if isinstance(given, ast.Call) and isinstance(inner, ast.Constant) and isinstance(inner.value, str):
        if _last(given.func) == "re":
            return re.compile(inner.value)
        return re.compile(".+".join(map(re.escape, re.split(r"\{[^{}]*\}", inner.value))))
    return ANYTHING


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _name(file: Path, project: Path) -> str:
    return file.relative_to(project).as_posix()
