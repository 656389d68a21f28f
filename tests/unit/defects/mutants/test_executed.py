"""A traced copy knows which statements ran in which window, whatever happened to the process that ran them."""

import ast
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from validation.core.waiting import eventually
from validation.defects.mutants.executed import Window, Windows, names_bound, statement, traced, users
from validation.defects.mutants.tracing import marked

MODULE = '''"""A module."""
from __future__ import annotations

LIMIT = 3


def small(number):
    if number < LIMIT:
        return "small"
    else:
        return "large"


class Counter:
    start = 1
'''
PROGRAM = """
import sys, time
from parts import code
for line in sys.stdin:
    print(code.small(int(line)), flush=True)
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "__init__.py").write_text('"""A package."""\n', encoding="utf-8")
    (tmp_path / "parts" / "code.py").write_text(MODULE, encoding="utf-8")
    return tmp_path


@pytest.fixture
def windows(copy: Path) -> Windows:
    (copy / "seen").mkdir()
    return traced(copy, "parts", copy / "seen")


def lines(windows: Windows) -> dict[int, list[int]]:
    return windows.executed().lines.get("parts/code.py", {})


def test_each_window_has_the_lines_that_ran_in_it_even_if_the_process_was_killed(copy: Path, windows: Windows) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=copy, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as ran:
        assert ran.stdin is not None
        assert ran.stdout is not None
        for name, number in (("first", 1), ("second", 9), ("third", 1)):
            ran.stdin.write(f"{number}\n")
            assert ran.stdout.readline() == ("small\n" if number == 1 else "large\n")
            windows.end(Window(name, ["5.1"], 0.1))
        ran.send_signal(signal.SIGKILL)
    found = lines(windows)
    assert (found[4], found[7], found[8], found[9], found[11], found[15]) == ([0], [0], [0, 1, 2], [0, 2], [1], [0])


def test_what_a_process_ran_while_it_started_lasts_as_long_as_it_runs(copy: Path, windows: Windows) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=copy, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as ran:
        assert ran.stdin is not None
        assert ran.stdout is not None
        for number in (1, 9, 9):
            ran.stdin.write(f"{number}\n")
            ran.stdout.readline()
            windows.end(Window(str(number), ["5.1"], 0.1))
        ran.stdin.close()
    direct, later = windows.executed().at("parts/code.py", 4)
    assert (direct, later) == ([0], [1, 2])
    assert windows.executed().at("parts/code.py", 8) == ([0, 1, 2], [])


def test_processes_that_ran_at_once_are_all_seen(copy: Path, windows: Windows) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=copy, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        for _ in range(2)
    ]
    for number, one in enumerate(running):
        one.communicate(f"{9 * number}\n", timeout=20)
    assert eventually(lambda: [one.poll() for one in running], lambda codes: codes == [0, 0], within=5).held
    windows.end(Window("both", ["5.1"], 0.1))
    assert (lines(windows)[9], lines(windows)[11]) == ([0], [0])


def test_a_marked_module_does_what_the_module_did() -> None:
    seen = bytearray(100)
    names: dict[str, object] = {"__seen__": seen}
    exec(compile(marked(MODULE, 10), "code.py", "exec"), names)  # noqa: S102 - the module above
    assert names["__doc__"] == "A module."
    assert callable(names["small"])
    assert [names["small"](number) for number in (1, 9)] == ["small", "large"]
    assert (seen[10 + 9], seen[10 + 11], seen[10 + 12]) == (1, 1, 0)


def test_a_tracing_process_takes_hardly_longer() -> None:
    names: dict[str, object] = {"__seen__": bytearray(100)}
    loop = "def loop():\n    total = 0\n    for number in range(20_000):\n        total += number\n    return total\n"
    exec(compile(marked(loop, 0), "loop.py", "exec"), names)  # noqa: S102 - the loop above
    begun = time.process_time()
    assert callable(names["loop"])
    names["loop"]()
    assert time.process_time() - begun < 1


TREE = ast.parse(MODULE)


@pytest.mark.parametrize(("line", "names"), [(4, {"LIMIT"}), (7, {"small"}), (9, set()), (14, {"Counter"}), (15, {"start"})])
def test_a_line_that_runs_at_import_gives_names_a_value(line: int, names: set[str]) -> None:
    assert names_bound(TREE, line) == names


def test_the_innermost_statement_of_a_line_is_found() -> None:
    assert isinstance(statement(TREE, 9), ast.Return)
    assert isinstance(statement(TREE, 8), ast.If)
    assert isinstance(statement(ast.parse("@one\n@two\ndef f():\n    pass\n"), 2), ast.FunctionDef)
    assert statement(TREE, 99) is None


def test_the_users_of_a_name_are_found_through_other_names() -> None:
    other = ast.parse("from code import LIMIT\nTWICE = LIMIT * 2\n\n\ndef large(number):\n    return number > TWICE\n")
    assert users({"code.py": TREE, "other.py": other}, {"LIMIT"}) == {("code.py", 8), ("other.py", 2), ("other.py", 6)}
