"""Whether the source is whole: what its modules, images, chart and entry points name is there, and imports."""

import json
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from validation.core.errors import ProbeError

IMPORT_SECONDS = 60
# Run in a fresh interpreter, in the judged folder: for each module, what happens on import and where it came from.
# SystemExit is no Exception: a module that ends the process on import must not end the list.
_IMPORT = """
import importlib, importlib.util, json, sys
told = {}
for name in json.loads(sys.stdin.read()):
    module, _, attribute = name.partition(":")
    try:
        if module.startswith("-m "):
            found = importlib.util.find_spec(module[3:])
            if found and found.submodule_search_locations is not None:
                found = importlib.util.find_spec(module[3:] + ".__main__")
            told[name] = "" if found else "no such module"
            continue
        loaded = importlib.import_module(module)
        told[name] = "" if not attribute or hasattr(loaded, attribute) else "it has no " + attribute
    except BaseException as error:
        told[name] = type(error).__name__ + ": " + str(error)
sys.stdout.write("\\n" + json.dumps(told))
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
    """List every module of `system`, but for the migrations: alembic runs them, and nothing imports them."""
    files = sorted(f.relative_to(source) for f in (source / "system").rglob("*.py"))
    kept = [f for f in files if f.parts[:3] != ("system", "db", "migrations")]
    return [".".join(f.with_suffix("").parts).removesuffix(".__init__") for f in kept]


def import_all(source: Path, names: list[str]) -> dict[str, str]:
    """Import modules in one fresh interpreter, in the judged folder.

    Args:
        source: the judged folder.
        names: `package.module`, `package.module:attribute`, or `-m package.module` for what must be runnable.

    Returns:
        For each name what is wrong with it, empty where nothing is.

    Raises:
        ProbeError: the interpreter itself did not answer.
    """
    command = [sys.executable, "-B", "-c", _IMPORT]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter
            command, cwd=source, input=json.dumps(names), capture_output=True, text=True, timeout=IMPORT_SECONDS, check=True
        )
        told: dict[str, str] = json.loads(done.stdout.rpartition("\n")[2])
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise ProbeError(f"The modules could not be imported: {error}", "a module ends or blocks the interpreter") from error
    return told


def run_modules(source: Path, pattern: str) -> list[Reference]:
    """Find what the files of a pattern run with `python -m`."""
    return [Reference(str(f.relative_to(source)), found) for f in _files(source, pattern) for found in _RUN_MODULE.findall(_text(f))]


def copied(source: Path, pattern: str) -> list[Reference]:
    """Find what the Dockerfiles of a pattern copy from the build context."""
    found = []
    for file in _files(source, pattern):
        lines = re.sub(r"\\\n", " ", _text(file)).splitlines()
        for words in [line.split()[1:] for line in lines if re.match(r"(COPY|ADD)\s", line) and "--from=" not in line]:
            paths = [w for w in words if not w.startswith("--")]
            found += [Reference(str(file.relative_to(source)), path) for path in paths[:-1]]
    return found


def chart_files(source: Path) -> list[Reference]:
    """Find the files that templates take into the chart with `.Files.Get`."""
    files = _files(source, "chart/templates/**/*")
    return [
        Reference(str(f.relative_to(source)), f"chart/{name}") for f in files for name in re.findall(r'\.Files\.Get "([^"]+)"', _text(f))
    ]


def entry_points(source: Path) -> list[Reference]:
    """Find the commands that the package installs, as `module:attribute`."""
    with (source / "pyproject.toml").open("rb") as file:
        scripts = tomllib.load(file).get("project", {}).get("scripts", {})
    return [Reference(f"pyproject.toml, {name}", target) for name, target in scripts.items()]


def missing(source: Path, named: list[Reference]) -> list[str]:
    """Tell which of the named files are not there; a name may be a pattern."""
    return [f"{one.source} names {one.target}" for one in named if not list(source.glob(one.target.strip("/")))]


def _files(source: Path, pattern: str) -> list[Path]:
    return sorted(f for f in source.glob(pattern) if f.is_file())


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")
