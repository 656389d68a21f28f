"""The commands of documents, and the table that says how each is proven."""

from pathlib import Path

import pytest

from validation.core.errors import HarnessError
from validation.probes.source import commands
from validation.probes.source.commands import Row


def test_a_command_without_a_row_runs_here_and_ends_with_0() -> None:
    row = commands.row_of("page.md", "make nothing-in-the-table", ())
    assert (row.where, row.exit, row.instead) == ("local", (0,), "{command}")


def test_the_row_with_the_longest_command_is_right() -> None:
    table = (Row("make *"), Row("make images", where="containers"), Row("make i*"))
    assert commands.row_of("page.md", "make images", table).where == "containers"


def test_a_row_about_another_page_is_not_used() -> None:
    assert commands.row_of("a.md", "make x", (Row("make x", page="b.md", where="tests"),)).where == "local"


@pytest.mark.parametrize(
    "row",
    [
        'where = "somewhere"',
        'where = "nowhere"\nbecause = "long"',
        'where = "tests"',
        'instead = "make y"',
        'wher = "local"',
    ],
)
def test_a_row_without_a_place_a_reason_or_a_substitute_is_refused(row: str, tmp_path: Path) -> None:
    table = tmp_path / "commands.toml"
    table.write_text(f'[[command]]\ncommand = "make x"\n{row}\n', encoding="utf-8")
    with pytest.raises(HarnessError):
        commands.rows(table)


PAGE = """# A page

Write `one.toml`:

```toml
a = 1
```

```sh
make first   # it's a comment
make second '# none'
```

It prints:

```text
done in 4 s
```

## Another

```text
no output of a command
```

Change `system/x.py`:

```diff
-old
+new
```

Run `make third`, or `x make`. See `votecheck run --phase 5`.
"""


def test_a_page_has_its_commands_files_outputs_and_changes_in_order() -> None:
    page = commands.read("page.md", PAGE)
    assert [step.line for step in page.steps] == ["make first", "make second '# none'", "system/x.py"]
    assert [step.output for step in page.steps] == ["", "done in 4 s\n", ""]
    assert (page.steps[2].removed, page.steps[2].added) == ("old", "new")
    assert page.files == {"one.toml": "a = 1\n"}


def test_commands_in_the_text_are_those_of_the_project_with_arguments() -> None:
    assert commands.inline(PAGE) == ["make third", "votecheck run --phase 5"]


@pytest.mark.parametrize(
    ("shown", "printed", "right"),
    [
        ("D4   caught   4 s  …\n1 of 1 caught", "first\nD4   caught         12 s  The group\n1 of 1 caught\n", True),
        ("D4   caught   4 s  …\n1 of 1 caught", "1 of 1 caught\nD4   caught 12 s  The group\n", False),
        ("FAILED  6.1  …\n  expected  none\n  …", "FAILED      6.1  Votes\n  expected none\n", True),
        ("('01570f4d-…', …)", "observed ('deadbeef-0000', 'x')", True),
        ("1 of 1 caught", "0 of 1 caught", False),
        ("exit code 0", "exit code 1", False),
    ],
)
def test_an_output_is_compared_line_by_line_and_may_differ_where_the_page_says_so(shown: str, printed: str, right: bool) -> None:
    assert commands.shows(shown, printed) is right
