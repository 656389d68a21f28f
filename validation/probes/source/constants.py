"""Read the constants of a Python file, and the fields of its classes, without running it."""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from validation.core.errors import ProbeError


@dataclass(frozen=True, slots=True)
class Field:
    """One annotated field of a class.

    Attributes:
        owner: name of the class.
        name: name of the field.
        annotation: its type, as an expression.
        default: its default, as an expression, or None.
        text: its docstring.
    """

    owner: str
    name: str
    annotation: ast.expr
    default: ast.expr | None
    text: str


def tree(file: Path) -> ast.Module:
    """Parse a Python file.

    Raises:
        ProbeError: it does not exist, or is not valid Python.
    """
    try:
        return _parsed(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError) as error:
        raise ProbeError(f"Cannot parse {file}: {error}.") from error


@cache
def _parsed(text: str) -> ast.Module:
    """Parse a text. Cached: it is requested many times, and its tree never changes."""
    return ast.parse(text)


def assignments(module: ast.Module) -> dict[str, ast.expr]:
    """Return the expression assigned to each top-level name of the module."""
    found: dict[str, ast.expr] = {}
    for node in module.body:
        if isinstance(node, ast.Assign):
            found |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            found[node.target.id] = node.value
    return found


def fields(module: ast.Module) -> list[Field]:
    """Return the annotated fields of every class, in order, with their docstrings."""
    found = []
    for owner in [node for node in module.body if isinstance(node, ast.ClassDef)]:
        for node, after in zip(owner.body, [*owner.body[1:], None], strict=True):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                text = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
                found.append(Field(owner.name, node.target.id, node.annotation, node.value, str(text)))
    return found


def value(node: ast.expr, module: ast.Module, source: Path) -> Any:
    """Evaluate a constant: a literal, another name of this module, or `contract.NAME` of a module in `system`.

    Raises:
        ProbeError: the expression is not such a constant.
    """
    known = assignments(module)
    match node:
        case ast.Constant(found):
            return found
        case ast.Name(name) if name in known:
            return value(known[name], module, source)
        case ast.Attribute(ast.Name(sibling), name):
            other = tree(source / "system" / f"{sibling}.py")
            return value(assignments(other)[name], other, source) if name in assignments(other) else _unknown(node)
        case ast.Tuple(items) | ast.List(items) | ast.Set(items):
            return tuple(value(item, module, source) for item in items)
        case ast.Call(_, [only], []):  # Path("..."), frozenset({...})
            return value(only, module, source)
    return _unknown(node)


def _unknown(node: ast.expr) -> Any:
    raise ProbeError(f"Cannot evaluate {ast.unparse(node)} without running it.", "it is neither a literal nor the name of one")
