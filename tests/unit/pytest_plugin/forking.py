"""Runs projects, each in a process forked from this one, so that common modules are imported only once.

Reads one JSON object per line, `{"folder", "scope", "flags"}`, and answers with the exit code of each run, negative for a signal.
"""

import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from validation.core import interruption
from validation.core.settings import RunSettings
from validation.pytest_plugin import execution
from validation.registry.checkpoints import select

for imported_by_every_run in ("gherkin.parser", "mako.lexer", "parse", "parse_type", "asyncpg", "redis", "jinja2"):
    importlib.import_module(imported_by_every_run)


def run(folder: Path, scope: list[str], flags: dict[str, Any]) -> int:
    """Do what `votecheck run` does between preflight and reports, with the features of a project."""
    interruption.install()
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    execution.PROJECT = folder
    output = os.open(folder / "output", os.O_CREAT | os.O_WRONLY)
    os.dup2(output, 1)
    os.dup2(output, 2)
    try:
        execution.execute(RunSettings(reports=folder / "reports", run="run", **flags), select(ids=scope), [], (), {})
    except execution.Interrupted:
        return 130
    except Exception:  # noqa: BLE001 - the child must never return into the loop of its parent
        traceback.print_exc()
        return 3
    return 0


def main() -> None:
    """Fork for each line."""
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(run(Path(request["folder"]), request["scope"], request["flags"]))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
