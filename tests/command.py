"""Runs a measurement as a command whose exit code 1 is a result. Python's own exit code 1 for any error would look like one."""

import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

import typer

from validation.core import interruption, streams

NOT_MEASURED, INTERRUPTED = 3, 130


def run_as_command(program: Callable[[], object]) -> NoReturn:
    """Run a typer program and exit with the code that it chose, or with 3 or 130."""
    interruption.install()
    streams.repair()
    code = NOT_MEASURED
    try:
        program()
    except SystemExit as ended:
        chosen = ended.code != 1 or isinstance(ended.__context__, typer.Exit)
        code = ended.code if chosen and isinstance(ended.code, int) else NOT_MEASURED if ended.code else 0
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
    except BaseException:  # noqa: BLE001 - see above
        sys.stderr.write(traceback.format_exc())
    interruption.ignore()
    if not streams.finish() and not code:
        code = NOT_MEASURED
    sys.exit(INTERRUPTED if interruption.received() else code)
