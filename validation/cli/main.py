"""The `votecheck` command line: its commands, its exit codes, and how it prints an error.

Data goes to stdout, everything else to stderr. An error says what failed, the likely cause and what to try.
"""

import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from validation.cli import inspection, reports, system
from validation.cli import run as validate
from validation.cli.console import print_data, print_message, print_path_hint, without_color
from validation.cli.defects import defects_app
from validation.cli.load import load_app
from validation.cli.mutants import mutate
from validation.cli.options import FLAG, examples
from validation.core.errors import HarnessError, UsageError
from validation.core.interruption import Interrupted
from validation.record.verdicts import HARNESS_EXIT, INTERRUPTED_EXIT, USAGE_EXIT
from validation.targets import removers

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
    """Validate a release of the voting system: GO, NO-GO or INCOMPLETE."""


app.command(rich_help_panel=VALIDATE, epilog=validate.EPILOG)(validate.run)
app.command(rich_help_panel=VALIDATE)(inspection.plan)
app.command(name="list", rich_help_panel=VALIDATE)(inspection.list_checkpoints)
app.command(rich_help_panel=VALIDATE)(inspection.explain)
app.command(rich_help_panel=VALIDATE)(inspection.doctor)
app.add_typer(load_app, name="load", rich_help_panel=VALIDATE)
app.command(rich_help_panel=INSPECT)(reports.report)
app.command(rich_help_panel=INSPECT)(reports.verify)
app.command(rich_help_panel=INSPECT)(reports.diff)
app.command(rich_help_panel=SYSTEM)(system.up)
app.command(rich_help_panel=SYSTEM)(system.images)
defects_app.command(name="mutate")(mutate)
app.add_typer(defects_app, name="defects", rich_help_panel=HARNESS)


def main() -> NoReturn:
    """Run the command line. The exit codes of pytest and Python never reach the caller: 1 always means NO-GO or a mismatch."""
    removers.register_all()
    try:
        app(args=_color_first(sys.argv[1:]), prog_name="votecheck")
    except SystemExit as ended:  # typer and rich exit with 1 when the reader of their output is gone, and 1 means NO-GO
        sys.exit(HARNESS_EXIT if isinstance(ended.__context__, (OSError, typer.Abort)) else ended.code)
    except Interrupted:
        _end("Interrupted. Everything that this run started is stopped and removed.", INTERRUPTED_EXIT)
    except KeyboardInterrupt:
        _end("Interrupted.", INTERRUPTED_EXIT)
    except UsageError as error:
        _end(str(error), USAGE_EXIT)
    except HarnessError as error:
        _end(str(error), HARNESS_EXIT)
    except Exception as error:  # noqa: BLE001 - Python would exit with 1, which means NO-GO
        trace = Path(tempfile.mkstemp(prefix="votecheck-crash-", suffix=".txt")[1])
        trace.write_text(traceback.format_exc(), encoding="utf-8")
        crash = HarnessError(f"votecheck crashed: {type(error).__name__}: {error}", "a bug in votecheck", f"report it with {trace}")
        _end(str(crash), HARNESS_EXIT)
    sys.exit(0)


def _color_first(arguments: Sequence[str]) -> list[str]:
    """Move `--no-color` to the front, so that it works after a command as well as before it."""
    return [*([NO_COLOR] if NO_COLOR in arguments else []), *(word for word in arguments if word != NO_COLOR)]


def _end(text: str, code: int) -> NoReturn:
    print_message(text, style="bold")
    if "votecheck" in text:
        print_path_hint()
    sys.exit(code)
