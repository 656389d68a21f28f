"""Mutants of Python source: one small change each, such as a negated condition, or a call or an `await` left out.

ADR 0037 says why no mutation library makes them. They are made from the syntax tree, and everything except the changed piece stays as
written.
"""

import ast
import copy
import itertools
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, singledispatch
from pathlib import Path

from validation.defects.mutants.mutant import Mutant, of_files

COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
}  # fmt: skip


def mutants_of(source: Path, only: str = "") -> list[Mutant]:
    """Return all mutants of the Python files of system and chart, in the order of files and lines, except those that only build images.

    Args:
        source: the folder with `system/` and `chart/`.
        only: a prefix of paths; other files are left out.
    """
    paths = (file for folder in ("system", "chart/files") for file in (source / folder).rglob("*.py"))
    return of_files(source, (file for file in paths if "images" not in file.relative_to(source).parts), only, mutants)


def of_folders(source: Path, folders: Iterable[str], only: str = "") -> list[Mutant]:
    """Return all mutants of the Python files in some folders, in the order of files and lines.

    Args:
        source: the folder that paths are relative to.
        folders: folders or files below it.
        only: a prefix of paths; other files are left out.
    """
    places = [source / folder for folder in folders]
    paths = {file for place in places for file in ([place] if place.is_file() else place.rglob("*.py"))}
    return of_files(source, paths, only, mutants)


def mutants(file: str, text: str) -> list[Mutant]:
    """Return all mutants of one file's text that compile, each to a different syntax tree."""
    tree, raw, found = ast.parse(text), text.encode(), dict[str, Mutant]()
    starts = [0, *itertools.accumulate(map(len, raw.splitlines(keepends=True)))]
    statements = [(min(part.lineno for part in (one, *getattr(one, "decorator_list", ()))), one.end_lineno or 0) for one in tree.body]
    for node in _active(tree):
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        around = [lines for lines in statements if lines[0] <= node.lineno <= lines[1]]
        first, last = starts[min(lines[0] for lines in around) - 1], starts[max(lines[1] for lines in around)]
        for kind, after in _changes(node):
            changed = after.replace("\n", "\n" + " " * node.col_offset).encode()  # a statement of several lines keeps its indentation
            mutated = (raw[:begin] + changed + raw[end:]).decode()
            # Another syntax tree of the statement is another one of the module.
            tree_after = _parsed(raw[first:begin] + changed + raw[end:last])
            if mutated not in found and tree_after not in {None, _parsed_before(raw[first:last])}:
                found[mutated] = Mutant(file, node.lineno, kind, raw[begin:end].decode(), after, mutated)
    return sorted(found.values(), key=lambda mutant: mutant.line)


def _active(tree: ast.Module) -> Iterator[ast.expr | ast.stmt]:
    """Yield the nodes with an effect: no docstrings, annotations, imports or code for type checkers only."""
    left: list[ast.AST] = [tree]
    while left:
        node = left.pop(0)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.expr | ast.stmt):
            yield node
        if isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom):
            continue
        skipped = {id(getattr(node, name, None)) for name in ("annotation", "returns")}
        left += [
            child for child in ast.iter_child_nodes(node)
            if id(child) not in skipped and not (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant))
        ]  # fmt: skip


Changes = Iterator[tuple[str, str]]
"""The changes of a node: the kind and the replacement."""


@singledispatch
def _changes(_node: ast.AST) -> Changes:
    return iter(())


@_changes.register
def _(node: ast.Compare) -> Changes:
    if len(node.ops) == 1:
        yield "comparison", _with(node, lambda new: setattr(new, "ops", [COMPARED[type(node.ops[0])]()]))


@_changes.register
def _(node: ast.BoolOp) -> Changes:
    other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield "and for or", _with(node, lambda new: setattr(new, "op", other))


@_changes.register
def _(node: ast.BinOp) -> Changes:
    other = COMPUTED.get(type(node.op))
    if other and not any(_is_text(side) for side in (node.left, node.right)):
        yield "operator", _with(node, lambda new: setattr(new, "op", other()))


@_changes.register
def _(node: ast.Constant) -> Changes:
    value = node.value
    if isinstance(value, bool):
        yield "constant", repr(not value)
    elif isinstance(value, int | float):
        yield "constant", repr(value + 1)
    elif isinstance(value, str) and value:
        yield "constant", repr(f"{value}x")
    elif isinstance(value, bytes) and value:
        yield "constant", repr(value + b"x")


@_changes.register(ast.If)
@_changes.register(ast.While)
@_changes.register(ast.IfExp)
def _(node: ast.If | ast.While | ast.IfExp) -> Changes:
    yield "condition negated", _with(node, lambda new: setattr(new, "test", ast.UnaryOp(ast.Not(), node.test)))


@_changes.register
def _(node: ast.Expr) -> Changes:
    if isinstance(node.value.value if isinstance(node.value, ast.Await) else node.value, ast.Call):
        yield "call left out", "pass"


@_changes.register
def _(node: ast.Await) -> Changes:
    yield "await left out", f"({ast.unparse(node.value)})"


@_changes.register
def _(node: ast.Call) -> Changes:
    if len(node.args) > 1 and not any(isinstance(one, ast.Starred) for one in node.args[:2]):
        first, second, *rest = node.args
        yield "arguments swapped", _with(node, lambda new: setattr(new, "args", [second, first, *rest]))


@_changes.register
def _(node: ast.Return) -> Changes:
    if node.value is not None and ast.unparse(node.value) != "None":
        yield "nothing returned", "return None"


@_changes.register
def _(_node: ast.Raise) -> Changes:
    yield "error left out", "pass"


def _is_text(side: ast.expr) -> bool:
    return isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str | bytes))


def _with(node: ast.expr | ast.stmt, change: Callable[[ast.AST], object]) -> str:
    new = copy.deepcopy(node)
    change(new)
    written = ast.unparse(ast.fix_missing_locations(new))
    return f"({written})" if isinstance(node, ast.expr) else written


@lru_cache(1)  # one statement has many mutants
def _parsed_before(source: bytes) -> str | None:
    return _parsed(source)


def _parsed(source: bytes) -> str | None:
    try:
        return ast.dump(ast.parse(source))
    except SyntaxError:
        return None
