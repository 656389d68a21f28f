"""Which scenarios or tests run against a mutant, and in which order: those that execute its line, the most specific and fastest first."""

import ast
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path, PurePosixPath

from validation.core.settings import PROJECT
from validation.defects.mutants.executed import Executed, Window, names_bound, statement, users
from validation.defects.mutants.mutant import Mutant
from validation.registry.checkpoints import registry

PER_SCENARIO_SECONDS = 0.2
"""What a scenario costs besides its own duration."""
TESTS_SECONDS = 40.0
"""Tests that execute a line are chosen until they last this long: a line of `core` is executed by nearly all of them."""

Kills = Counter[tuple[str, str]]
"""How many mutants of a file each scenario or test has caught: file and its name."""


def scenarios(mutant: Mutant, executed: Executed, kills: Kills) -> list[Window]:
    """Return the scenarios that run against a mutant of the release, in order.

    They are those of the checkpoints that read its file. If the file is traced, scenarios that run the system must have executed the line,
    or run beside a process that executed it at its start.
    """
    wanted = {one.id for one in registry().values() if one.reads(PurePosixPath(mutant.file))}
    reading = [number for number, window in enumerate(executed.windows) if wanted.intersection(window.checkpoints)]
    if mutant.file not in executed.lines:
        return _in_order([executed.windows[number] for number in reading], mutant, kills)
    first, later = _windows(mutant, executed)
    of_files = {number for number in reading if _only_files(executed.windows[number], wanted)}
    groups = [first, {*later, *of_files} - first]
    return [one for group in groups for one in _in_order([executed.windows[n] for n in reading if n in group], mutant, kills)]


def tests(mutant: Mutant, executed: Executed, kills: Kills) -> list[Window]:
    """Return the tests that run against a mutant of the harness, in order, for at most `TESTS_SECONDS`."""
    first, later = _windows(mutant, executed)
    own = _of_module(mutant.file)
    passed = {number for number, window in enumerate(executed.windows) if window.checkpoints}
    named = {number for number in first if own in executed.windows[number].name}
    chosen, seconds = list[Window](), 0.0
    for group in (named, first - named, later - first):
        for one in _in_order([executed.windows[number] for number in sorted(group & passed)], mutant, kills):
            seconds += one.seconds
            if chosen and seconds > TESTS_SECONDS:
                return chosen
            chosen.append(one)
    return chosen


def imports(mutant: Mutant, source: Path = PROJECT) -> bool:
    """Return whether the line of a mutant is executed when its module is imported."""
    return mutant.file.endswith(".py") and bool(names_bound(_trees(source, mutant.file.split("/", 1)[0])[mutant.file], mutant.line))


def _windows(mutant: Mutant, executed: Executed) -> tuple[set[int], set[int]]:
    """Return the windows that execute a line, and those in which its effect may last.

    If the line is executed when its module is imported, then what uses the names that it binds comes first.
    """
    trees = _trees(PROJECT, mutant.file.split("/", 1)[0])
    tree = trees[mutant.file]
    names = names_bound(tree, mutant.line)
    around = statement(tree, mutant.line)
    direct, later = map(set, executed.at(mutant.file, around.lineno if around else mutant.line))
    if not names:
        return direct, later
    using = {window for file, line in users(trees, names) if not names_bound(trees[file], line) for window in executed.at(file, line)[0]}
    return using or direct, direct | later


def _in_order(windows: Iterable[Window], mutant: Mutant, kills: Kills) -> list[Window]:
    """Return windows in order: the protocol before the checks beyond it, whose faults run for a minute before the first of them."""
    found = {one.name: one for one in windows}

    def cost(one: Window) -> tuple[bool, float]:
        beyond = bool(one.checkpoints) and all(identifier.startswith("B") for identifier in one.checkpoints)
        return beyond, (one.seconds + PER_SCENARIO_SECONDS) / (1 + 4 * kills[mutant.file, one.name])

    return sorted(found.values(), key=cost)


def _only_files(window: Window, wanted: set[str]) -> bool:
    return any(registry()[one].needs[0] == "files" for one in window.checkpoints if one in wanted)


def _of_module(file: str) -> str:
    """Return what the path of a module's tests contains: `record/test_verdicts` for `validation/record/verdicts.py`."""
    path = PurePosixPath(file).relative_to("validation")
    return f"{path.parent}/test_{path.stem}"


@cache
def _trees(source: Path, package: str) -> dict[str, ast.Module]:
    files = sorted((source / package).rglob("*.py"))
    return {str(file.relative_to(source)): ast.parse(file.read_text(encoding="utf-8")) for file in files}
