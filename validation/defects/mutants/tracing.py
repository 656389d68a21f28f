"""Marks each statement that a process executes in a file that other processes can read, even after the process was killed.

A copy of the source imports this file from its package, in processes of the system and of tests. So it imports nothing of the harness.
coverage.py writes its data when a process ends and cannot tell one scenario from the next in a process that it does not run. Here each
statement sets one byte of a memory map, which the mapper reads and clears at the end of a scenario.
"""

import ast
import builtins
import importlib.machinery
import json
import mmap
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

LAYOUT = "layout.json"
"""The first byte of each file of the package, by its path below the source folder."""
SUFFIX = ".seen"
_SEEN = "__seen__"


def marked(text: str, first: int) -> ast.Module:
    """Return the syntax tree of a source, each statement preceded by one that sets the byte of its line.

    Args:
        text: the source.
        first: the byte of the file's line 0.
    """
    tree = ast.parse(text)
    for node in [*ast.walk(tree)]:
        for name in ("body", "orelse", "finalbody"):
            statements = getattr(node, name, None)
            if isinstance(statements, list):
                setattr(node, name, [one for statement in statements for one in _pair(statement, first)])
    return ast.fix_missing_locations(tree)


def _pair(statement: ast.stmt, first: int) -> list[ast.stmt]:
    docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    if docstring or (isinstance(statement, ast.ImportFrom) and statement.module == "__future__"):
        return [statement]
    mark = ast.parse(f"{_SEEN}[{first + statement.lineno}] = 1").body[0]
    for node in ast.walk(mark):
        if isinstance(node, ast.expr | ast.stmt):
            node.lineno = node.end_lineno = statement.lineno
            node.col_offset = node.end_col_offset = 0
    return [mark, statement]


class _Loader(importlib.machinery.SourceFileLoader):
    """Compiles the marked source, and neither reads nor writes byte code."""

    def __init__(self, name: str, path: str, first: int) -> None:
        super().__init__(name, path)
        self._first = first

    def path_stats(self, path: Any) -> Any:
        raise OSError(path)

    def set_data(self, *_arguments: Any, **_named: Any) -> None:
        return

    def source_to_code(self, data: Any, path: Any, **_named: Any) -> Any:  # type: ignore[override]  # its other argument is private
        text = data.decode() if isinstance(data, bytes) else ast.unparse(data)
        return compile(marked(text, self._first), path, "exec", dont_inherit=True)


class _Finder:
    """Finds the modules of one package, with the loader above."""

    def __init__(self, root: Path, package: str, layout: dict[str, int]) -> None:
        self._root, self._package, self._layout = root, package, layout

    def find_spec(self, name: str, path: Sequence[str] | None, _target: ModuleType | None = None) -> importlib.machinery.ModuleSpec | None:
        if not name.startswith(f"{self._package}."):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is None or spec.origin is None or not isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            return spec
        file = Path(spec.origin)
        first = self._layout.get(str(file.relative_to(self._root)), -1) if file.is_relative_to(self._root) else -1
        if first >= 0:
            spec.loader = _Loader(name, spec.origin, first)
        return spec


def install(folder: str, root: str, package: str) -> None:
    """Trace the modules of a package that this process imports from now on.

    Args:
        folder: where the layout is, and where this process writes what it has executed.
        root: the source folder.
        package: the name of the package.
    """
    known = json.loads((Path(folder) / LAYOUT).read_text(encoding="utf-8"))
    file = Path(folder) / f"{os.getpid()}.{time.time_ns()}{SUFFIX}"
    with file.open("wb+") as opened:
        opened.truncate(known["size"])
        setattr(builtins, _SEEN, mmap.mmap(opened.fileno(), known["size"]))
    sys.meta_path.insert(0, _Finder(Path(root), package, known["first"]))
