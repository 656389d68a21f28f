"""Every command explains itself: help, version, completion and colour."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from validation.cli.main import app
from validation.core.settings import PROJECT

SECONDS = 60.0


def votecheck(*arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    plain = {name: value for name, value in os.environ.items() if name not in {"CI", "NO_COLOR", "FORCE_COLOR"}}
    command = [sys.executable, "-m", "validation", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS, check=False, env=plain | env)


def commands(command: Any, *path: str) -> Iterator[tuple[str, Any]]:
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, *path, name)
    yield " ".join(path), command


COMMANDS = dict(commands(typer.main.get_command(app)))
SHORTEST, LONGEST = 10, 140


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_and_option_has_one_plain_sentence(name: str) -> None:
    command = COMMANDS[name]
    assert re.match(r"[A-Z]", command.help), command.help
    for parameter in command.params:
        if parameter.name in {"help", "install_completion", "show_completion"}:
            continue
        assert SHORTEST < len(parameter.help) <= LONGEST, parameter.name
        assert re.fullmatch(r"[A-Z].*\.", parameter.help), parameter.help
        assert parameter.metavar is not None, parameter.name


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if len(command.params) > 5])
def test_many_options_are_grouped_into_panels(name: str) -> None:
    options = [p for p in COMMANDS[name].params if p.param_type_name == "option" and p.name != "help"]
    assert [p.name for p in options if not p.rich_help_panel] == []


@pytest.mark.parametrize("arguments", [["-h"], ["run", "-h"], ["defects", "-h"], ["load", "baseline", "-h"], ["load", "compare", "--help"]])
def test_h_is_help_everywhere(arguments: list[str]) -> None:
    ended = CliRunner().invoke(app, arguments, prog_name="votecheck")
    assert ended.exit_code == 0
    assert f"Usage: votecheck {' '.join(arguments[:-1])}".rstrip() in ended.stdout


def test_examples_in_help_are_one_a_line() -> None:
    lines = [line.strip() for line in CliRunner().invoke(app, ["run", "-h"]).stdout.splitlines()]
    assert "votecheck run --checkpoint B10 --fault-minutes 60 --seed 7" in lines


def test_the_version_is_the_package_version() -> None:
    ended = votecheck("--version")
    assert (ended.returncode, ended.stdout) == (0, f"votecheck {version('votecheck')}\n")


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_needs_no_shell_around_it(shell: str) -> None:
    ended = votecheck("--show-completion", shell)
    assert ended.returncode == 0
    assert "_VOTECHECK_COMPLETE" in ended.stdout


def test_completion_completes_commands() -> None:
    ended = votecheck(_VOTECHECK_COMPLETE="complete_bash", COMP_WORDS="votecheck ver", COMP_CWORD="1")
    assert ended.stdout.split() == ["verify"]


COLOUR = r"\x1b\[[0-9;]*3\dm"
ERROR, HELP = ["--show-completion", "tcsh"], ["run", "-h"]


def test_a_terminal_gets_colour() -> None:
    assert re.search(COLOUR, votecheck(*HELP, FORCE_COLOR="1").stdout)
    assert re.search(COLOUR, votecheck(*ERROR, FORCE_COLOR="1").stderr)


@pytest.mark.parametrize("arguments", [HELP, ERROR], ids=["help", "an error"])
@pytest.mark.parametrize(
    ("before", "after", "env"),
    [(["--no-color"], [], {}), ([], ["--no-color"], {}), ([], [], {"NO_COLOR": "1"})],
    ids=["before the command", "after the command", "by NO_COLOR"],
)
def test_no_color_prints_no_colour(arguments: list[str], before: list[str], after: list[str], env: dict[str, str]) -> None:
    ended = votecheck(*before, *arguments, *after, FORCE_COLOR="1", **env)
    assert ended.stdout + ended.stderr
    assert not re.search(COLOUR, ended.stdout + ended.stderr)
