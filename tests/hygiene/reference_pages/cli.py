"""docs/reference/cli.md: every command, argument and option, from the typer application."""

from collections.abc import Iterator
from enum import Enum
from typing import Any, get_args

import typer

from tests.hygiene.reference_pages import MADE, row
from validation.cli.main import app
from validation.core.settings import PROJECT

INTRO = """# Command line

`votecheck` prints progress and errors to stderr and data to stdout. `votecheck COMMAND --help` shows the same options as this page.

With `--json`, a command prints one JSON document on stdout, and nothing else there.

| exit code | meaning |
|---|---|
| 0 | GO; or the load run PASSED, or the command succeeded |
| 1 | NO-GO; or a defect survived, a record does not match, a comparison got worse |
| 2 | wrong usage |
| 3 | INCOMPLETE, or the harness itself failed |
| 4 | PARTIAL: everything in scope passed, and that is less than a release needs |
| 130 | interrupted |

"""


def page() -> str:
    """Return the page."""
    text = MADE.format("validation/cli") + INTRO
    main = typer.main.get_command(app)
    commands = list(_commands(main, "votecheck"))
    text += row("command", "purpose") + row("---", "---").replace(" ", "")
    text += "".join(row(f"[`{name}`](#{name.replace(' ', '-')})", _first(command.help)) for name, command in commands)
    text += "\n## Global options\n\nPut them before the command: `votecheck --no-color run`.\n" + _options(main)
    return text + "".join(_section(name, command) for name, command in commands)


def names() -> list[str]:
    """Return every command, such as `votecheck defects run`."""
    return [name for name, _ in _commands(typer.main.get_command(app), "votecheck")]


def _commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            if not inner.hidden:
                yield from _commands(inner, f"{path} {name}")
    else:
        yield path, command


def _section(name: str, command: Any) -> str:
    text = f"\n## {name}\n\n{_paragraphs(command.help)}\n"
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = _visible(command)
    placeholders = (_placeholder(a) if a.required else f"[{_placeholder(a)}]" for a in arguments)
    usage = " ".join([name, *("[OPTIONS]" for _ in options[:1]), *placeholders])
    text += f"\n```text\n{usage}\n```\n"
    if arguments:
        text += "\n" + row("argument", "default", "meaning") + "|---|---|---|\n"
        text += "".join(row(f"`{_placeholder(a)}`", _default(a), a.help or "") for a in arguments)
    return text + _options(command)


def _visible(command: Any) -> list[Any]:
    return [p for p in command.params if p.param_type_name == "option" and not p.hidden and p.name != "help"]


def _options(command: Any) -> str:
    """Return a table of options for each panel of the help."""
    text, options = "", _visible(command)
    panels = dict.fromkeys(o.rich_help_panel or "Options" for o in options)
    for panel in panels:
        text += f"\n**{panel}**\n" if len(panels) > 1 else ""
        text += "\n" + row("option", "default", "meaning") + "|---|---|---|\n"
        text += "".join(row(_flags(o), _default(o), _meaning(o)) for o in options if (o.rich_help_panel or "Options") == panel)
    return text


def _flags(option: Any) -> str:
    value = "" if option.is_flag else f" {_metavar(option)}"
    return "`" + "/".join([", ".join(option.opts), *option.secondary_opts]) + value + "`"


def _metavar(option: Any) -> str:
    kind = option.type_descriptor.annotation
    inner = get_args(kind) or (kind,)
    return str(option.metavar or {"str": "TEXT", "int": "INTEGER"}.get(inner[0].__name__, inner[0].__name__.upper()))


def _placeholder(argument: Any) -> str:
    return str(argument.metavar or argument.name).upper().strip("[]")


def _meaning(option: Any) -> str:
    match option.min, option.max:
        case None, None:
            limits = ""
        case least, None:
            limits = f" At least {least:g}."
        case least, most:
            limits = f" From {least:g} to {most:g}."
    return str(option.help or "").strip() + limits


def _default(parameter: Any) -> str:
    default = parameter.default
    if parameter.required:
        return "required"
    if default is None or default in ("", (), []):
        return ""
    if isinstance(default, Enum):
        default = default.value
    if isinstance(default, bool) and parameter.secondary_opts:
        return f"`{(parameter.opts if default else parameter.secondary_opts)[0]}`"
    if isinstance(default, bool):
        return "on" if default else "off"
    return "the project's directory" if str(default) == str(PROJECT) else f"`{default}`"


def _first(text: str | None) -> str:
    return _paragraphs(text).split("\n", 1)[0]


def _paragraphs(text: str | None) -> str:
    return "\n\n".join(" ".join(part.split()) for part in (text or "").split("\n\n")).strip()
