"""What plain pytest prints for a scenario that did not pass: its steps, what was wrong, and what was kept of the moment.

There are no frames of pytest, pytest-bdd or the harness in it. `--full-trace` prints those instead.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pytest_bdd.parser import Feature, Step

from validation.core.commands import command
from validation.core.errors import Finding, HarnessError, NotProven
from validation.pytest_plugin import moment
from validation.pytest_plugin.stash import MOMENT, PROGRESS, SETTINGS, Progress
from validation.record.events import Observed
from validation.report.text import visible

EXCHANGES_MAX, LINES_MAX, LOG_LINES_MAX = 2, 6, 12
"""How much of the moment is printed; its files have all of it."""
_ID = re.compile(rf"{moment.VOTE_ID.pattern}|{moment.STREAM_ID.pattern}")
_TROUBLE = re.compile(r'"level": "(?:warning|error|critical)"|Traceback|^\w*(?:Error|Exception)\b')
_FRAMEWORK = ("validation/pytest_plugin", "validation/record/observe.py", ".venv")
OF_PYTEST = ("--target", "--source", "--api-url", "--redis-url", "--database-url")


@dataclass(frozen=True)
class Place:
    """Where a scenario stopped, for pytest's short summary."""

    path: str
    lineno: int
    message: str

    def __str__(self) -> str:
        """File, line and message."""
        return f"{self.path}:{self.lineno}: {self.message}"


@dataclass(frozen=True)
class Red:
    """The text that pytest prints instead of a traceback.

    Attributes:
        lines: the text; a line that begins with `E` or `>` is shown in red.
        reprcrash: where the scenario stopped; pytest looks for this name.
    """

    lines: tuple[str, ...]
    reprcrash: Place

    def __str__(self) -> str:
        """The text."""
        return "\n".join(self.lines)

    def toterminal(self, terminal: Any) -> None:
        """Write the text to pytest's terminal."""
        for line in self.lines:
            terminal.line(line, red=line[:1] in {"E", ">"})


def is_printed(config: pytest.Config) -> bool:
    """Return whether this session prints failures, and shows them without frames of pytest."""
    return config.pluginmanager.hasplugin("terminalreporter") and not config.option.fulltrace


def red(item: pytest.Item, excinfo: pytest.ExceptionInfo[BaseException]) -> Red:
    """Return what to print for a scenario that an exception ended."""
    error, progress = excinfo.value, item.stash.get(PROGRESS, None)
    first, *_ = _said(error).splitlines() or [""]
    lines = [*_steps(progress), *_wrong(error), *_kept(item), *_frames(item, excinfo), *_repeat(item)]
    return Red(tuple(visible(line, len(line)) for line in lines), Place(*_position(item, progress), visible(first)))


def _position(item: pytest.Item, progress: Progress | None) -> tuple[str, int]:
    if progress is None:
        return item.location[0], item.location[1] or 0
    line = progress.current.line_number if progress.current else progress.scenario.line_number
    return _below(Path(progress.feature.filename), item.config.rootpath), line


def where(feature: Feature, step: Step, root: Path) -> str:
    """Return the feature and line of a step."""
    return f"{_below(Path(feature.filename), root)}:{step.line_number}"


def _steps(progress: Progress | None) -> Iterator[str]:
    if progress is None:
        return
    scenario = progress.scenario
    yield f"{_below(Path(progress.feature.filename), Path.cwd())}:{scenario.line_number}  {scenario.keyword}: {scenario.name}"
    for step in scenario.steps:
        yield f"{'>' if step is progress.current else ' '} {step.line_number:>4}  {step.keyword} {step.name}"
    yield ""


def _wrong(error: BaseException) -> Iterator[str]:
    """Yield what was wrong, or why nothing is known."""
    if not isinstance(error, Finding):
        first, *others = _said(error).splitlines() or [""]
        yield from (f"E {first}", *others, "")  # without a mark, so that a snippet can be copied
        return
    for fact in error.observations:
        yield f"E {fact.subject}"
        yield from _field("expected", fact.expected, "E")
        yield from _field("observed", fact.observed, "E")
        if isinstance(fact, Observed):
            for name in ("evidence", "remedy", "input"):
                yield from _field(name, getattr(fact, name))
        yield ""


def _field(name: str, value: str, mark: str = " ") -> Iterator[str]:
    for number, line in enumerate(value.splitlines()):
        yield f"{mark}   {name if number == 0 else '':<9} {line}".rstrip()


def _said(error: BaseException) -> str:
    if isinstance(error, Finding):
        return str(error)
    if isinstance(error, NotProven):
        return f"NOT PROVEN: {error}"
    return f"HARNESS ERROR: {error if isinstance(error, HarnessError) else f'{type(error).__name__}: {error}'}"


def _kept(item: pytest.Item) -> Iterator[str]:
    """Yield what was kept of the moment, as far as it is about this scenario."""
    texts = item.stash.get(MOMENT, {})
    ids = set(_ID.findall(texts.get(moment.REQUESTS, "")))
    for what, text in texts.items():
        yield f"  {what}"
        if what == moment.REQUESTS:
            exchanges = [one for one in re.split(r"^--- ", text, flags=re.MULTILINE) if one][-EXCHANGES_MAX:]
            lines = [line for one in exchanges for line in one.rstrip().splitlines()]
        elif what == moment.LINES:
            lines = _about(text, lambda line: bool(ids.intersection(_ID.findall(line)) or _TROUBLE.search(line)), LOG_LINES_MAX)
        else:
            lines = _about(text, lambda line: bool(ids.intersection(_ID.findall(line))), LINES_MAX)
        yield from (f"    {line}".rstrip() for line in lines)
        yield ""


def _about(text: str, concerns: Callable[[str], bool], most: int) -> list[str]:
    """Return the latest lines that concern a scenario, each below the heading that it stands under; without one, the latest of all."""
    lines = [line for line in text.splitlines() if line]
    chosen = {number for number, line in enumerate(lines) if concerns(line)} or set(range(len(lines)))
    latest = set(sorted(chosen)[-most:])
    headings = {max((n for n in range(number + 1) if lines[n].startswith("== ")), default=number) for number in latest}
    return [lines[number] for number in sorted(latest | headings)]


def _frames(item: pytest.Item, excinfo: pytest.ExceptionInfo[BaseException]) -> Iterator[str]:
    """Yield the frames of steps and of what they called; of a finding only the step."""
    frames = [
        (below, entry.lineno + 1, entry.name, str(entry.statement).strip())
        for entry in excinfo.traceback
        if not (below := _below(Path(entry.path), item.config.rootpath)).startswith((*_FRAMEWORK, "/"))
    ]
    if isinstance(excinfo.value, Finding | NotProven):
        frames = frames[:1]
    for file, line, name, statement in frames:
        yield f"  {file}:{line} in {name}"
        yield f"      {statement.splitlines()[0] if statement else ''}".rstrip()


def _repeat(item: pytest.Item) -> Iterator[str]:
    flags = item.config.stash[SETTINGS].flags
    given = [word for option, value in zip(flags[::2], flags[1::2], strict=False) if option in OF_PYTEST for word in _option(option, value)]
    yield f"  repeat: {command('pytest', 'features', '-k', item.name, *given)}"


def _option(option: str, value: str) -> tuple[str, ...]:
    # A folder after a space would be one with tests, to pytest.
    return (f"{option}={value}",) if option == "--source" else (option, value)


def _below(file: Path, root: Path) -> str:
    return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)
