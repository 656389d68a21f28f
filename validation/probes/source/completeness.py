"""Check that the source is complete: every module and file that it names exists, and every module imports."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from validation.core.environment import built
from validation.core.errors import ProbeError
from validation.probes.source.constants import tree

IMPORT_SECONDS = 60
# Runs in a fresh interpreter, in the source folder, and prints the problem of each name.
# BaseException includes SystemExit: a module that exits on import must not stop the loop.
_IMPORT = """
import importlib, importlib.util, json, sys
problems = {}
for name in json.loads(sys.stdin.read()):
    module, _, attribute = name.partition(":")
    try:
        if module.startswith("-m "):
            found = importlib.util.find_spec(module[3:])
            if found and found.submodule_search_locations is not None:
                found = importlib.util.find_spec(module[3:] + ".__main__")
            problems[name] = "" if found else "no such module"
            continue
        loaded = importlib.import_module(module)
        problems[name] = "" if not attribute or hasattr(loaded, attribute) else "there is no attribute " + attribute
    except BaseException as error:
        problems[name] = type(error).__name__ + ": " + str(error)
sys.stdout.write("\\n" + json.dumps(problems))
"""
_RUN_MODULE = re.compile(
    r"""(?:python[\d.]*|\$\((?:RUN|PYTHON)\))  # the interpreter
        ["']?,?\s+(?:-\s+)?["']?-m["']?,?\s+(?:-\s+)?["']?  # -m: in a shell, a JSON list or a YAML list
        ([a-z_]\w*(?:\.\w+)*)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A name in a file that must exist.

    Attributes:
        source: the file that names it.
        target: the module, file or command named.
    """

    source: str
    target: str


def modules(source: Path) -> list[str]:
    """Return every module of `system` except the migrations, which alembic runs and nothing imports."""
    files = sorted(f.relative_to(source) for f in (source / "system").rglob("*.py"))
    kept = [f for f in files if f.parts[:3] != ("system", "db", "migrations")]
    return [".".join(f.with_suffix("").parts).removesuffix(".__init__") for f in kept]


def import_all(source: Path, names: list[str]) -> dict[str, str]:
    """Import modules in one fresh interpreter.

    Args:
        source: root of the project, or of a copy.
        names: `package.module`, `package.module:attribute`, or `-m package.module` for a module that must be runnable.

    Returns:
        The problem of each name; empty if there is none.

    Raises:
        ProbeError: the interpreter failed or timed out.
    """
    command = [sys.executable, "-B", "-c", _IMPORT]
    try:
        done = subprocess.run(  # noqa: S603 - the current interpreter
            command, cwd=source, env=built(), input=json.dumps(names), capture_output=True, text=True, timeout=IMPORT_SECONDS, check=True
        )
        problems: dict[str, str] = json.loads(done.stdout.rpartition("\n")[2])
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise ProbeError(f"Cannot import the modules of {source}: {error}", "a module exits or blocks the interpreter") from error
    return problems


def run_modules(source: Path, pattern: str) -> list[Reference]:
    """Return the modules that files run with `python -m`. `pattern` selects the files."""
    return [Reference(str(f.relative_to(source)), found) for f in _files(source, pattern) for found in _RUN_MODULE.findall(_text(f))]


def copied(source: Path, pattern: str) -> list[Reference]:
    """Return the files that Dockerfiles copy from the build context. `pattern` selects the Dockerfiles."""
    found = []
    for file in _files(source, pattern):
        lines = re.sub(r"\\\n", " ", _text(file)).splitlines()
        for words in [line.split()[1:] for line in lines if re.match(r"(COPY|ADD)\s", line) and "--from=" not in line]:
            paths = [w for w in words if not w.startswith("--")]
            found += [Reference(str(file.relative_to(source)), path) for path in paths[:-1]]
    return found


def chart_files(source: Path) -> list[Reference]:
    """Return the files that templates include with `.Files.Get`."""
    files = _files(source, "chart/templates/**/*")
    return [
        Reference(str(f.relative_to(source)), f"chart/{name}") for f in files for name in re.findall(r'\.Files\.Get "([^"]+)"', _text(f))
    ]


def entry_points(source: Path) -> list[Reference]:
    """Return the commands that the package installs, as `module:attribute`."""
    with (source / "pyproject.toml").open("rb") as file:
        scripts = tomllib.load(file).get("project", {}).get("scripts", {})
    return [Reference(f"pyproject.toml, {name}", target) for name, target in scripts.items()]


def libraries(source: Path, part: str) -> dict[str, set[str]]:
    """Return the libraries that the Python files in an image import, anywhere in them: module → the packages that may contain it.

    Args:
        source: root of the project, or of a copy.
        part: `api` or `consumer`.

    Raises:
        ProbeError: a file is not valid Python.
    """
    copied_here = [one.target for one in copied(source, f"system/images/{part}.Dockerfile")]
    paths = [path for name in copied_here for path in source.glob(name)]
    files = [file for path in paths for file in ([path] if path.is_file() else path.rglob("*.py")) if file.suffix == ".py"]
    imported = {name for file in files if file.parent.name != "images" for name in _imported(tree(file))}
    known = packages_distributions()
    return {name: set(known.get(name, ())) for name in sorted(imported - sys.stdlib_module_names - {"system"})}


def pinned(requirements: Path) -> set[str]:
    """Return the normalized names of the packages that a requirements file pins."""
    return {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==", _text(requirements), re.MULTILINE)}


def _imported(module: ast.Module) -> Iterator[str]:
    """Yield the first name of each imported module."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def missing(source: Path, named: list[Reference]) -> list[str]:
    """Return a line for each file that does not exist. A name may be a glob pattern."""
    return [f"{one.source} names {one.target}" for one in named if not list(source.glob(one.target.strip("/")))]


def _files(source: Path, pattern: str) -> list[Path]:
    return sorted(f for f in source.glob(pattern) if f.is_file())


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")
