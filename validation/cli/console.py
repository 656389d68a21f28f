"""Where the command line prints: data to stdout, everything else to stderr."""

import json
import os
import shutil
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape

stderr = Console(stderr=True)


def without_color() -> None:
    """Print without colour from now on, as if NO_COLOR were set."""
    os.environ["NO_COLOR"] = "1"  # read by every console that is made later, also in child processes
    stderr.no_color = True


def print_message(line: str, style: str | None = None) -> None:
    """Print a line for people, on stderr and never wrapped."""
    stderr.print(escape(line), style=style, soft_wrap=True, highlight=False)


def print_data(line: str) -> None:
    """Print a line of data on stdout at once."""
    print(line, flush=True)  # noqa: T201 - data goes to stdout


def print_json(value: Any) -> None:
    """Print a value as one JSON document on stdout, in ASCII: no text in it acts on a terminal.

    Args:
        value: of built-in types, dataclasses, structs of msgspec and enums.
    """
    print_data(json.dumps(value, indent=2, allow_nan=False, default=msgspec.to_builtins))


def print_path_hint() -> None:
    """Print how to put `votecheck` on PATH, unless it is: `make` runs it without an activated environment."""
    if shutil.which("votecheck") is None:
        print_message("votecheck is in .venv/bin. To put it on PATH: source .venv/bin/activate", style="dim")
