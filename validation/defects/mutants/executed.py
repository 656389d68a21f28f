"""What executed each line: a copy of the source is traced while scenarios or tests run, one window of time for each of them."""

import ast
import json
from collections.abc import Iterable
from pathlib import Path

import msgspec

from validation.defects.mutants import tracing
from validation.defects.mutants.tracing import LAYOUT, SUFFIX

HOOK = """

import importlib.util as _util

_spec = _util.spec_from_file_location("votecheck_tracing", {program!r})
_tracing = _util.module_from_spec(_spec)
_spec.loader.exec_module(_tracing)
_tracing.install({folder!r}, {root!r}, {package!r})
"""


class Window(msgspec.Struct, frozen=True):
    """One scenario or test: what it is called, its checkpoints if it is a scenario, and its duration in seconds."""

    name: str
    checkpoints: list[str]
    seconds: float


class Executed(msgspec.Struct):
    """The windows in which each line was executed.

    Attributes:
        windows: scenarios or tests, in the order of their run.
        lines: file to line to the windows that executed it.
        later: file to line to the windows in which a process lived that had executed the line before, while it started.
    """

    windows: list[Window] = []
    lines: dict[str, dict[int, list[int]]] = {}
    later: dict[str, dict[int, list[int]]] = {}

    def at(self, file: str, line: int) -> tuple[list[int], list[int]]:
        """Return the windows that executed a line, and those in which its effect may last."""
        return self.lines.get(file, {}).get(line, []), self.later.get(file, {}).get(line, [])


class Windows:
    """Reads and clears what the traced processes have executed, each time that a window ends.

    Args:
        folder: where they write it.
        files: the first byte of each file.
    """

    def __init__(self, folder: Path, files: dict[str, int]) -> None:
        self._folder, self._files = folder, files
        self.windows: list[Window] = []
        self._seen: list[dict[str, set[int]]] = []  # of each window: process to bytes

    def end(self, window: Window) -> None:
        """End a window: everything executed since the last end belongs to it."""
        found: dict[str, set[int]] = {}
        for file in self._folder.glob(f"*{SUFFIX}"):
            with file.open("rb+") as opened:
                seen = opened.read()
                marks = {at for at, byte in enumerate(seen) if byte} if any(seen) else set()
                if marks:
                    opened.seek(0)
                    opened.write(bytes(len(seen)))
                    found[file.name] = marks
        self.windows.append(window)
        self._seen.append(found)

    def executed(self) -> Executed:
        """Return what all windows have executed."""
        lines: dict[int, set[int]] = {}
        later: dict[int, set[int]] = {}
        for window, of_processes in enumerate(self._seen):
            for marks in of_processes.values():
                for mark in marks:
                    lines.setdefault(mark, set()).add(window)
        for process in {name for found in self._seen for name in found}:
            first, *rest = [(number, found[process]) for number, found in enumerate(self._seen) if process in found]
            once = first[1].difference(*(marks for _, marks in rest))
            for mark in once:
                later.setdefault(mark, set()).update(number for number, _ in rest)
        return Executed(self.windows, self._by_file(lines), self._by_file(later))

    def _by_file(self, found: dict[int, set[int]]) -> dict[str, dict[int, list[int]]]:
        starts = sorted((first, file) for file, first in self._files.items())
        by_file: dict[str, dict[int, list[int]]] = {}
        for mark, windows in sorted(found.items()):
            first, file = max(one for one in starts if one[0] <= mark)
            by_file.setdefault(file, {})[mark - first] = sorted(windows)
        return by_file


def traced(copy: Path, package: str, folder: Path) -> Windows:
    """Trace a package of a copy of the source, in whatever process imports it.

    Args:
        copy: the copy.
        package: its folder, for example `system`.
        folder: an empty folder for what is executed.
    """
    files, size = dict[str, int](), 0
    for file in sorted((copy / package).rglob("*.py")):
        files[str(file.relative_to(copy))] = size
        size += file.read_text(encoding="utf-8").count("\n") + 2
    (folder / LAYOUT).write_text(json.dumps({"first": files, "size": size}), encoding="utf-8")
    init = copy / package / "__init__.py"
    hook = HOOK.format(program=tracing.__file__, folder=str(folder), root=str(copy), package=package)
    init.write_text(init.read_text(encoding="utf-8") + hook, encoding="utf-8")
    return Windows(folder, files)


def statement(tree: ast.Module, line: int) -> ast.stmt | None:
    """Return the innermost statement that contains a line."""
    around = [one for one in ast.walk(tree) if isinstance(one, ast.stmt) and _begin(one) <= line <= (one.end_lineno or one.lineno)]
    return max(around, key=lambda one: (one.lineno, -(one.end_lineno or 0)), default=None)


def _begin(one: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(one, "decorator_list", [])
    return min([one.lineno, *(decorator.lineno for decorator in decorators)])


def names_bound(tree: ast.Module, line: int) -> set[str]:
    """Return the names that the statement around a line gives a value when its module is imported; none within a function.

    Default values and decorators of a function are evaluated then, too.
    """
    for one in ast.walk(tree):
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            body = one.body if isinstance(one.body, list) else []
            if body and body[0].lineno <= line <= (body[-1].end_lineno or 0):
                return set()
    found = statement(tree, line)
    if found is None:
        return set()
    if isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {found.name}
    targets = [name.id for name in ast.walk(found) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)]
    return set(targets)


def users(trees: dict[str, ast.Module], names: Iterable[str]) -> set[tuple[str, int]]:
    """Return file and line of the statements that mention one of some names, or a name that such a statement of a module binds."""
    wanted, done, found = set(names), set[str](), set[tuple[str, int]]()
    while wanted:
        done |= wanted
        further = set[str]()
        for file, tree in trees.items():
            for node in ast.walk(tree):
                word = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
                if word in wanted and isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                    around = statement(tree, node.lineno)
                    if around is not None:
                        found.add((file, around.lineno))
                        further |= names_bound(tree, node.lineno)
        wanted = further - done
    return found
