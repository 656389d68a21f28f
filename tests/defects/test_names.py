"""A defect that uses a name its module no longer has fails for the wrong reason, and proves nothing."""

import subprocess
import sys
from pathlib import Path

from validation.core.settings import PROJECT
from validation.defects.catalogue import catalogue

UNDEFINED_OR_UNREADABLE = "F821,E9"
CHECK = (
    sys.executable,
    "-m",
    "ruff",
    "check",
    "--isolated",
    "--no-cache",
    "--output-format",
    "concise",
    "--select",
    UNDEFINED_OR_UNREADABLE,
)


def test_every_name_that_a_changed_module_uses_is_defined(tmp_path: Path) -> None:
    for defect in catalogue().values():
        changed: dict[str, str] = {}
        for change in (one for one in defect.changes if one.file.endswith(".py") and one.find):
            text = changed.get(change.file) or (PROJECT / change.file).read_text(encoding="utf-8")
            changed[change.file] = text.replace(change.find, change.replace)
        for name, text in changed.items():
            file = tmp_path / defect.id / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    found = subprocess.run([*CHECK, str(tmp_path)], capture_output=True, text=True, check=False)
    assert found.stdout.strip() == "All checks passed!", found.stdout + found.stderr
