"""The `votecheck` command line: its commands, its exit codes, and how it prints an error.

Data goes to stdout, everything else to stderr. An error says what failed, the likely cause and what to try.
"""

import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from validation.cli import bundle, inspection, reports, system, waive
from validation.cli import run as validate
from validation.cli.console import print_data, print_message, print_path_hint, without_color
from validation.cli.defects import defects_app
from validation.cli.history import history
from validation.cli.load import load_app
from validation.cli.merge import EPILOG as MERGE_EPILOG
from validation.cli.merge import merge
from validation.cli.mutants import mutate
from validation.cli.options import FLAG, examples
from validation.core import interruption
from validation.core.errors import HARNESS_EXIT, INTERRUPTED_EXIT, USAGE_EXIT, HarnessError, UsageError
from validation.core.interruption import Interrupted
from validation.record.verdicts import EXIT_CODES, RunVerdict
from validation.targets import cleanup, removers

NO_COLOR = "--no-color"
VALIDATE, INSPECT, SYSTEM, HARNESS = "Validate a release", "Read results", "Run the system", "Test votecheck"

# `--show-completion SHELL` instead of a guess from the parent processes, which fails in a container and in CI.
os.environ.setdefault("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")

app = typer.Typer(
    name="votecheck",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples("votecheck doctor", "votecheck run", "votecheck explain 5.1", "votecheck run --help"),
)


def _print_version(*, given: bool) -> None:
    if given:
        from importlib.metadata import version  # noqa: PLC0415 - takes longer to import than most commands run

        print_data(f"votecheck {version('votecheck')}")
        raise typer.Exit


def _without_color(*, given: bool) -> None:
    if given:
        without_color()


@app.callback()
def _votecheck(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version",
            metavar=FLAG,
            callback=lambda value: _print_version(given=value),
            is_eager=True,
            help="Print the version and exit.",
        ),
    ] = False,
    no_color: Annotated[
        bool,
        typer.Option(
            NO_COLOR,
            metavar=FLAG,
            callback=lambda value: _without_color(given=value),
            is_eager=True,
            help="Print without colour, as with NO_COLOR=1. Also works after a command.",
        ),
    ] = False,
) -> None:
    """Validate a release of the voting system: GO, NO-GO, INCOMPLETE or PARTIAL."""


app.command(rich_help_panel=VALIDATE, epilog=validate.EPILOG)(validate.run)
app.command(rich_help_panel=VALIDATE)(inspection.plan)
app.command(name="list", rich_help_panel=VALIDATE)(inspection.list_checkpoints)
app.command(rich_help_panel=VALIDATE)(inspection.explain)
app.command(rich_help_panel=VALIDATE)(inspection.doctor)
app.command(rich_help_panel=VALIDATE, epilog=MERGE_EPILOG)(merge)
app.add_typer(load_app, name="load", rich_help_panel=VALIDATE)
app.command(rich_help_panel=INSPECT)(reports.report)
app.command(rich_help_panel=INSPECT)(reports.verify)
app.command(rich_help_panel=INSPECT, epilog=bundle.EPILOG)(bundle.bundle)
app.command(rich_help_panel=INSPECT, epilog=waive.EPILOG)(waive.waive)
app.command(rich_help_panel=INSPECT)(reports.diff)
app.command(rich_help_panel=INSPECT)(history)
app.command(rich_help_panel=SYSTEM)(system.up)
app.command(rich_help_panel=SYSTEM)(system.images)
defects_app.command(name="mutate")(mutate)
app.add_typer(defects_app, name="defects", rich_help_panel=HARNESS)


def main() -> int:
    """Run the command line, remove everything that it started, and return its exit code.

    The exit codes of pytest, Python and the libraries never reach the caller: 1 always means NO-GO, a mismatch or a survivor.
    """
    removers.register_all()
    code, left = HARNESS_EXIT, list[str]()
    try:
        code = _run(_color_first(sys.argv[1:]))
    finally:
        with interruption.Held():
            left = cleanup.release_own()
            for problem in left:
                print_message(f"Not cleaned up: {problem}")
    return HARNESS_EXIT if left and code != EXIT_CODES[RunVerdict.NO_GO] else code


def _run(arguments: Sequence[str]) -> int:
    try:
        app(args=arguments, prog_name="votecheck")
    except SystemExit as ended:
        return _code(ended)
    except (Interrupted, KeyboardInterrupt) as error:
        rest = " Everything that this run started is stopped and removed." if isinstance(error, Interrupted) else ""
        return _end(f"Interrupted.{rest}", INTERRUPTED_EXIT)
    except HarnessError as error:
        return _end(str(error), USAGE_EXIT if isinstance(error, UsageError) else HARNESS_EXIT)
    except OSError as error:
        return _end(str(HarnessError(f"votecheck cannot go on: {error}.", _cause(error), "votecheck doctor")), HARNESS_EXIT)
    except Exception as error:  # noqa: BLE001 - Python would exit with 1, which means NO-GO
        crash = HarnessError(f"votecheck crashed: {type(error).__name__}: {error}", "a bug in votecheck", f"report it with {_trace()}")
        return _end(str(crash), HARNESS_EXIT)
    return 0


def _code(ended: SystemExit) -> int:
    """Return the exit code that a command chose. typer and rich also exit with 1, for example when nobody can read their output."""
    if ended.code == 1 and not isinstance(ended.__context__, typer.Exit):
        return HARNESS_EXIT
    return ended.code if isinstance(ended.code, int) else 0


def _cause(error: OSError) -> str:
    return "nobody reads the output" if isinstance(error, BrokenPipeError) else "a full disk, or a folder that cannot be written to"


def _trace() -> str:
    """Write the traceback of the current error to a file and return its path, or return the traceback if no file can be written."""
    trace = traceback.format_exc()
    try:
        descriptor, file = tempfile.mkstemp(prefix="votecheck-crash-", suffix=".txt")
        with open(descriptor, "w", encoding="utf-8") as written:  # noqa: PTH123 - a descriptor has no path
            written.write(trace)
    except OSError:
        return f"this traceback:\n{trace}"
    return file


def _color_first(arguments: Sequence[str]) -> list[str]:
    """Move `--no-color` to the front, so that it works after a command as well as before it."""
    return [*([NO_COLOR] if NO_COLOR in arguments else []), *(word for word in arguments if word != NO_COLOR)]


def _end(text: str, code: int) -> int:
    print_message(text, style="bold")
    if "votecheck" in text:
        print_path_hint()
    return code
