"""Mutants of files that are neither Python nor templates: values, their schema, compose, Dockerfiles, and SQL inside Python."""

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from validation.defects.mutants import chart
from validation.defects.mutants.mutant import Mutant, of_files

WORDS_FOR_READERS = frozenset({"$schema", "title", "description", "$comment"})
"""Keywords of a schema that accept and refuse nothing."""

IN_DOCKERFILES: tuple[tuple[str, re.Pattern[str], Callable[[str], str]], ...] = (
    ("user changed", re.compile(r"(?<=^USER )\d+"), lambda found: str(int(found) + 1)),
    ("scalar changed", re.compile(r"(?<=^EXPOSE )\d+"), lambda found: str(int(found) + 1)),
    ("scalar changed", re.compile(r"(?<==)\w[\w./:-]*(?=( |$|\\))"), chart.other),
)

SQL = re.compile(r"^\s*(create|select|insert|begin|with|comment|set|update|delete)\b", re.IGNORECASE)
IN_SQL = (
    ("constraint left out", r" not null| unique| primary key| check \([^)]*\)| default [\w()]+| generated always as identity"),
    ("conflict not handled", r"on conflict \([\w ]+\) do nothing"),
    ("order left out", r"order by [\w, ]+(?=$|\n| *\))"),
    ("volatility left out", r" stable\b"),
)
IN_SQL_REPLACED = (
    ("operator", r"(?<= )\+(?= )", "-"), ("operator", r">=", ">"), ("constant", r"count\(\*\)", "count(*) + 1"),
    ("constant", r"(?<== )on\b", "off"), ("constant", r"\bexcluded\.count", "1"),
)  # fmt: skip


def mutants_of(source: Path, only: str = "") -> list[Mutant]:
    """Return all mutants of these files, in the order of files and lines.

    Args:
        source: the folder with `system/`, `chart/` and `compose.yaml`.
        only: a prefix of paths; other files are left out.
    """
    images = source / "system" / "images"
    kinds = (
        ([source / "chart" / "values.yaml", source / "compose.yaml"], chart.mutants),
        ([source / "chart" / "values.schema.json"], of_schema),
        ([*images.glob("*.Dockerfile"), *images.glob("*.dockerignore")], of_dockerfile),
        ([source / "system" / "db" / "store.py", *(source / "system" / "db" / "migrations" / "versions").glob("*.py")], of_sql),
    )
    return [one for files, mutants in kinds for one in of_files(source, (file for file in files if file.is_file()), only, mutants)]


def of_schema(file: str, text: str) -> list[Mutant]:
    """Return the mutants of a JSON schema: a keyword or an item left out, or its scalar changed."""
    schema, found = json.loads(text), list[Mutant]()
    for path, value in _nodes(schema):
        if path[-1] in WORDS_FOR_READERS:
            continue
        kind = "item left out" if isinstance(path[-1], int) else "keyword left out"
        where = ".".join(map(str, path))
        found.append(Mutant(file, 1, kind, where, "nothing", _changed(text, path, None)))
        if not isinstance(value, dict | list):
            after = not value if isinstance(value, bool) else value + 1 if isinstance(value, int) else f"{value}x"
            found.append(Mutant(file, 1, "scalar changed", f"{where}: {value}", str(after), _changed(text, path, after)))
    return found


def _nodes(node: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield (*above, key), value
        yield from _nodes(value, (*above, key))


def _changed(text: str, path: tuple[str | int, ...], after: Any) -> str:
    """Return a JSON document with another value at a path; None: without it."""
    document = json.loads(text)
    place = document
    for key in path[:-1]:
        place = place[key]
    if after is None:
        del place[path[-1]]
    else:
        place[path[-1]] = after
    return json.dumps(document, indent=2) + "\n"


def of_dockerfile(file: str, text: str) -> list[Mutant]:
    """Return the mutants of a Dockerfile or an ignore file: an instruction or one of its lines left out, or a scalar changed."""
    lines, found, begun = text.splitlines(keepends=True), list[Mutant](), 0
    for number, line in enumerate(lines):
        before = line.strip()
        if not before or before.startswith("#"):
            continue
        continues, begins = before.endswith("\\"), number == 0 or not lines[number - 1].rstrip().endswith("\\")
        begun = number if begins else begun
        if continues or not begins:
            if continues and not begins:
                found.append(_without(file, lines, number, number + 1, "line left out"))
            if not continues:
                found.append(_without(file, lines, begun, number + 1, "instruction left out"))
        else:
            found.append(_without(file, lines, number, number + 1, "instruction left out"))
        for kind, pattern, other in IN_DOCKERFILES:
            for match in pattern.finditer(line.rstrip("\n")):
                after = line[: match.start()] + other(match.group()) + line[match.end() :]
                found.append(Mutant(file, number + 1, kind, before, after.strip(), "".join([*lines[:number], after, *lines[number + 1 :]])))
    return found


def _without(file: str, lines: list[str], begin: int, end: int, kind: str) -> Mutant:
    return Mutant(file, begin + 1, kind, "".join(lines[begin:end]).strip(), "nothing", "".join([*lines[:begin], *lines[end:]]))


def of_sql(file: str, text: str) -> list[Mutant]:
    """Return the mutants of the SQL in the constants of a Python file. Some are refused by PostgreSQL."""
    found: dict[str, Mutant] = {}
    for node in (one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Constant | ast.JoinedStr)):
        segment = ast.get_source_segment(text, node)
        if not segment or text.count(segment) != 1 or not SQL.match(segment.lstrip("f").strip("\"'")):
            continue
        for kind, before, start, end, after in _in_sql(segment):
            mutated = text.replace(segment, segment[:start] + after + segment[end:])
            line = node.lineno + segment.count("\n", 0, start)
            found.setdefault(mutated, Mutant(file, line, kind, before, after or "nothing", mutated))
    return sorted(found.values(), key=lambda one: one.line)


def _in_sql(segment: str) -> Iterator[tuple[str, str, int, int, str]]:
    replaced = (*((kind, pattern, "") for kind, pattern in IN_SQL), *IN_SQL_REPLACED)
    for kind, pattern, after in replaced:
        for match in re.finditer(pattern, segment, re.MULTILINE):
            line = segment[segment.rfind("\n", 0, match.start()) + 1 :].split("\n", 1)[0].strip()
            yield kind, f"{match.group().strip()}, in {line}", match.start(), match.end(), after
    at = 0
    for line in segment.splitlines(keepends=True)[:-1]:
        if at and line.strip().endswith((",", ";")):
            yield "line left out", line.strip(), at, at + len(line), ""
        at += len(line)
