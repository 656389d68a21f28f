"""Find what a place of the facts table states in the project's files, and return each file with another value there.

It finds a statement by its position in the file. It does not use the harness's own reader, which is what it tests.
"""

import ast
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from validation.probes.chart import manifests
from validation.probes.source import constants

PROTOCOL = "validation/core/protocol.py"
ANOTHER = {"INFO": "DEBUG"}
"""Values of a closed list, where one more letter would be rejected for another reason."""


@dataclass(frozen=True, slots=True)
class Change:
    """A file in which one statement of a fact has another value.

    Attributes:
        file: path of the file in the project.
        text: its whole changed text.
        before: the value before the change.
    """

    file: str
    text: str
    before: str


def another(value: Any) -> Any:
    """Return another valid value: the last number plus one, or the word with its last letter doubled."""
    if not isinstance(value, str):
        return value + 1
    numbers = [*re.finditer(r"\d+", value)]
    if numbers:
        return value[: numbers[-1].start()] + str(int(numbers[-1][0]) + 1) + value[numbers[-1].end() :]
    return ANOTHER.get(value, value + value[-1])


def changes(source: Path, place: dict[str, Any]) -> list[Change]:
    """Change each statement of a place, one at a time."""
    match place:
        case {"rendered": _}:
            return [*_in_rendered(source, place)]
        case {"protocol": name}:
            module = constants.tree(source / PROTOCOL)
            return [*_in_python(source, PROTOCOL, _leaves(_assigned(module, name), module, source, place.get("path", "")))]
        case {"file": file, "path": path} if file.endswith(".toml"):
            return [*_by_pattern(source, file, rf'^{path.rpartition("/")[2]} = "(.+)"$', place.get("pattern", ""))]
        case {"file": file, "path": path}:
            return [*_in_yaml(source, file, path.split("/"), place.get("pattern", ""))]
        case {"file": file, "pattern": pattern}:
            return [*_by_pattern(source, file, pattern)]
    return [*_in_python(source, place["file"], _of_a_module(source, place))]


def _parts(text: str, pattern: str) -> Iterator[tuple[int, int]]:
    """Yield the span of each group of each match, of each match without groups, or of the whole text without a pattern."""
    for found in re.finditer(pattern or r"(?s)\A.*\Z", text, re.MULTILINE):
        yield from (found.span(group) for group in range(1, found.re.groups + 1) if found[group] is not None)
        if not found.re.groups:
            yield found.span()


def _with(text: str, start: int, end: int) -> str:
    return f"{text[:start]}{another(text[start:end])}{text[end:]}"


def _by_pattern(source: Path, file: str, pattern: str, inner: str = "") -> Iterator[Change]:
    text = (source / file).read_text(encoding="utf-8")
    for start, end in _parts(text, pattern):
        for first, last in _parts(text[start:end], inner):
            yield Change(file, _with(text, start + first, start + last), text[start + first : start + last])


def _in_yaml(source: Path, file: str, steps: list[str], pattern: str) -> Iterator[Change]:
    text = (source / file).read_text(encoding="utf-8")
    root = yaml.compose(text, yaml.SafeLoader)
    assert root
    for node in _nodes(root, steps):
        raw = text[node.start_mark.index : node.end_mark.index]
        for start, end in _parts(node.value, pattern):
            new = _with(node.value, start, end)
            written = f"{node.style}{new}{node.style}" if raw[0] in "'\"" else new
            if file.endswith(".json"):
                written = written.replace("\\", "\\\\")
            yield Change(file, text[: node.start_mark.index] + written + text[node.end_mark.index :], node.value[start:end])


def _nodes(node: yaml.Node, steps: list[str]) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.SequenceNode):
        children = node.value if not steps or steps[0] == "*" else [node.value[int(steps[0])]]
        for child in children:
            yield from _nodes(child, steps[1:])
    else:
        for key, child in node.value:
            if steps[0] in {"*", key.value}:
                yield from _nodes(child, steps[1:])


def _in_rendered(source: Path, place: dict[str, Any]) -> Iterator[Change]:
    """Replace the template by its output with one value changed. Its old text stays in a false branch, for facts that read it."""
    rendered = manifests.render(source / "chart")
    (chosen,) = [one for one in rendered if f"{one.kind} {one.name}" == place["rendered"]]
    file = f"chart/{chosen.template}"
    before = (source / file).read_text(encoding="utf-8")
    for owner, key in _spots(chosen.body, place["path"].split("/")):
        value = owner[key]
        for start, end in _parts(str(value), place.get("pattern", "")):
            owner[key] = _with(value, start, end) if isinstance(value, str) else another(value)
            bodies = [copy.deepcopy(dict(one.body)) for one in rendered if one.template == chosen.template]
            owner[key] = value
            literal = yaml.safe_dump_all(bodies, sort_keys=False).replace("{{", '{{ "{{" }}')
            yield Change(file, f"{{{{- if false }}}}\n{before}\n{{{{- end }}}}\n---\n{literal}", str(value)[start:end])


def _spots(data: Any, steps: list[str]) -> Iterator[tuple[Any, Any]]:
    head, rest = steps[0].replace("~1", "/"), steps[1:]
    keys = list(range(len(data))) if isinstance(data, list) else list(data)
    for key in keys:
        named = isinstance(data, list) and head.startswith("name=") and data[key].get("name") == head.removeprefix("name=")
        if named or head in {"*", str(key)}:
            if not rest:
                yield data, key
            elif isinstance(data[key], dict | list):
                yield from _spots(data[key], rest)


Leaf = tuple[ast.expr, Any, str]
"""An expression, its value, and the text that states the value if it is not the expression itself."""


def _in_python(source: Path, file: str, leaves: Iterator[Leaf]) -> Iterator[Change]:
    data = (source / file).read_bytes()
    lines = [0]
    for line in data.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    for node, value, text in leaves:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start, end = lines[node.lineno - 1] + node.col_offset, lines[node.end_lineno - 1] + node.end_col_offset
        new = another(value) if text else repr(another(value))
        yield Change(file, (data[:start] + new.encode() + data[end:]).decode(), text or _whole(value))


def _whole(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _of_a_module(source: Path, place: dict[str, Any]) -> Iterator[Leaf]:
    module = constants.tree(source / place["file"])
    fields = [(node.name, field) for node in module.body if isinstance(node, ast.ClassDef) for field in node.body]
    for owner, field in fields:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            if owner in place.get("fields", ()):
                yield field.target, field.target.id, field.target.id.upper()
            elif f"{owner}.{field.target.id}" == place.get("default") and field.value:
                yield from _leaves(field.value, module, source)
            elif f"{owner}.{field.target.id}" == place.get("maximum"):
                limits = [node for node in ast.walk(field.annotation) if isinstance(node, ast.keyword)]
                yield from ((one.value, ast.literal_eval(one.value), "") for one in limits if one.arg in {"le", "max_length"})
    for name in place.get("constants", ()):
        yield from _leaves(_assigned(module, name), module, source)


def _assigned(module: ast.Module, name: str) -> ast.expr:
    for node in module.body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                match target, node.value:
                    case ast.Name(found), value if found == name:
                        return value
                    case ast.Tuple(targets), ast.Tuple(values):
                        for one, value in zip(targets, values, strict=True):
                            if isinstance(one, ast.Name) and one.id == name:
                                return value
    raise LookupError(name)


def _leaves(node: ast.expr, module: ast.Module, source: Path, path: str = "") -> Iterator[Leaf]:
    match node:
        case ast.Tuple(items) | ast.List(items) | ast.Set(items):
            for item in items:
                if not isinstance(item, ast.Starred):  # stated where the starred name is assigned
                    yield from _leaves(item, module, source)
        case ast.Call(_, [only], []):
            yield from _leaves(only, module, source)
        case ast.Dict(keys, values):
            for key, value in zip(keys, values, strict=True):
                assert isinstance(key, ast.Constant)
                if not path:
                    yield key, key.value, ""
                elif key.value == path:
                    yield from _leaves(value, module, source)
        case _:
            yield node, constants.value(node, module, source), ""
