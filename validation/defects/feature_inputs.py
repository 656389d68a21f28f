"""Which feature files and step modules a checkpoint rests on, read from their text without running them."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path

from validation.core.settings import PROJECT

_STEP = re.compile(r"(?:Given|When|Then|And|But|\*) +(.+)")
_DEFINES = frozenset({"given", "when", "then", "step"})
ANYTHING = re.compile("")


@dataclass(frozen=True, slots=True)
class Uses:
    """What rests on what.

    Attributes:
        marks: the checkpoints' tags in each feature file, by its path.
        modules: the step modules whose definitions a feature file uses, by its path.
        alone: the step modules that nothing but the feature files which use them rests on.
    """

    marks: Mapping[str, frozenset[str]]
    modules: Mapping[str, frozenset[str]]
    alone: frozenset[str]


@dataclass(frozen=True, slots=True)
class Module:
    """A step module.

    Attributes:
        fits: the texts of its steps.
        fixtures: those that it defines.
        asks: every name that it may ask for a fixture by.
        imports: the modules that it imports, and what it takes out of them.
        everywhere: it has a fixture that every scenario gets unasked.
    """

    fits: tuple[re.Pattern[str], ...]
    fixtures: frozenset[str]
    asks: frozenset[str]
    imports: frozenset[str]
    everywhere: bool


@cache
def read_uses(project: Path = PROJECT) -> Uses:
    """Read what the checkpoints of a project rest on.

    A step that no written text fits is held to be of each module with a text that is not written out where it is given.
    """
    modules = {
        _name(file, project): read_module(file.read_text(encoding="utf-8")) for file in sorted((project / "features/steps").rglob("*.py"))
    }
    texts = {_name(file, project): file.read_text(encoding="utf-8") for file in (project / "features").glob("*/*.feature")}
    used = {name: frozenset(_used(text, modules)) for name, text in texts.items()}
    return Uses({name: marks_in(text) for name, text in texts.items()}, used, frozenset(m for m in modules if not _shared(m, modules)))


def marks_in(text: str) -> frozenset[str]:
    """Give the checkpoints' tags in a feature file, without the @."""
    return frozenset(re.findall(r"@(cp_\w+)", text))


def steps_in(text: str) -> Iterator[tuple[str, ...]]:
    """Give the steps of a feature file, each as the texts that it can have: an outline's step has one for each row of examples."""
    lines = [line.strip() for line in text.splitlines()]
    rows = list(_rows(lines))
    for found in filter(None, map(_STEP.fullmatch, lines)):
        names = set(re.findall(r"<([^<>]+)>", found[1]))
        yield tuple({_filled(found[1], row) for row in rows if names and names <= set(row)}) or (found[1],)


def read_module(text: str) -> Module:
    """Read a step module's source. A text that is not written out where it is given fits everything."""
    fits, fixtures, asks, imports, everywhere = list[re.Pattern[str]](), set[str](), set[str](), set[str](), False
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            asks.update(argument.arg for argument in chain(node.args.posonlyargs, node.args.args, node.args.kwonlyargs))
            for decorator in node.decorator_list:
                called = decorator.func if isinstance(decorator, ast.Call) else decorator
                if _last(called) == "fixture":
                    fixtures.add(node.name)
                    everywhere |= isinstance(decorator, ast.Call) and any(word.arg == "autouse" for word in decorator.keywords)
                elif isinstance(decorator, ast.Call) and _last(called) in _DEFINES:
                    fits.append(_pattern(decorator.args[0] if decorator.args else None))
        elif isinstance(node, ast.ImportFrom) and node.module:
            imports.update((node.module, *(f"{node.module}.{name.name}" for name in node.names)))
        elif isinstance(node, ast.Import):
            imports.update(name.name for name in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            asks.add(node.value)  # request.getfixturevalue("place")
    return Module(tuple(fits), frozenset(fixtures), frozenset(asks), frozenset(imports), everywhere)


def _used(text: str, modules: Mapping[str, Module]) -> set[str]:
    used = set[str]()
    for texts in steps_in(text):
        fitting = {name for name, module in modules.items() if any(p.fullmatch(t) for p in module.fits for t in texts if p is not ANYTHING)}
        used |= fitting or {name for name, module in modules.items() if ANYTHING in module.fits} or set(modules)
    return used


def _shared(name: str, modules: Mapping[str, Module]) -> bool:
    """Tell whether another module imports it or may ask for one of its fixtures, so that features use it without naming a step of it."""
    dotted = name.removesuffix(".py").replace("/", ".")
    mine, others = modules[name], [module for other, module in modules.items() if other != name]
    wanted = any(dotted in other.imports or mine.fixtures & other.asks for other in others)
    return wanted or mine.everywhere or name.endswith("__init__.py")


def _pattern(given: ast.expr | None) -> re.Pattern[str]:
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        return re.compile(re.escape(given.value))
    inner = given.args[0] if isinstance(given, ast.Call) and given.args else None
    if isinstance(given, ast.Call) and isinstance(inner, ast.Constant) and isinstance(inner.value, str):
        if _last(given.func) == "re":
            return re.compile(inner.value)
        return re.compile(".+".join(map(re.escape, re.split(r"\{[^{}]*\}", inner.value))))
    return ANYTHING


def _filled(text: str, row: Mapping[str, str]) -> str:
    for name, value in row.items():
        text = text.replace(f"<{name}>", value)
    return text


def _rows(lines: list[str]) -> Iterator[dict[str, str]]:
    """Give the rows of every table, by the names in its first."""
    names = list[str]()
    for line in lines:
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if cells and names:
            yield dict(zip(names, cells, strict=False))
        names = names if cells and names else cells


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _name(file: Path, project: Path) -> str:
    return file.relative_to(project).as_posix()
