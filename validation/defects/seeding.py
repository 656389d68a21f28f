"""Copies of the source, with or without a defect, and the check that the defect took effect in the copy."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from validation.core.environment import ENGINE, built
from validation.core.errors import HarnessError
from validation.core.settings import PROJECT
from validation.defects.catalogue import Change, Defect

NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".tox", "reports", "__pycache__", ".*_cache", ".hypothesis", ".coverage*")
IMPORT_SECONDS = 60


@contextmanager
def seeded_copy(defect: Defect | None, source: Path = PROJECT) -> Iterator[Path]:
    """Yield a copy of the source with the defect applied, or unchanged without one; remove it afterwards.

    Raises:
        HarnessError: a `find` does not occur exactly once, so the defect was not applied.
    """
    with tempfile.TemporaryDirectory(prefix="votecheck-defect-") as temporary:
        copy = Path(temporary) / "source"
        shutil.copytree(source, copy, ignore=NOT_COPIED)
        for change in defect.changes if defect else ():
            file = copy / change.file
            text = file.read_text(encoding="utf-8")
            if text.count(change.find) != 1:
                raise HarnessError(
                    f"`{change.find.strip()[:60]}` occurs {text.count(change.find)} times in {change.file}, not once.",
                    "the code changed after the defect was written",
                )
            file.write_text(text.replace(change.find, change.replace), encoding="utf-8")
        yield copy


def why_not_applied(copy: Path, change: Change) -> str:
    """Return why a change has no effect in a copy: the file lacks it, or Python does not import that file. Empty: it has."""
    path = copy / change.file
    if change.replace not in path.read_text(encoding="utf-8"):
        return f"{change.file} does not contain the change"
    if path.suffix != ".py":
        return ""
    module = change.file.removesuffix(".py").replace("/", ".")
    program = f"import importlib.util; print(importlib.util.find_spec({module!r}).origin); compile(open({str(path)!r}).read(), 'x', 'exec')"
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program], cwd=copy, env=environment(copy), capture_output=True, text=True, timeout=IMPORT_SECONDS,
        check=False,
    )  # fmt: skip
    imported = ran.stdout.strip()
    if ran.returncode == 0 and Path(imported) == path:
        return ""
    return f"Python does not import the changed file: {ran.stderr.strip()[-200:] or imported}"


def environment(copy: Path) -> dict[str, str]:
    """Return the environment in which Python imports a copy's modules instead of the installed ones, whatever the working directory."""
    return built(*ENGINE, PYTHONPATH=str(copy), COLUMNS="400", NO_COLOR="1")
