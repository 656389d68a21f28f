"""Each probe sees the fault that it is there for."""

from datetime import date
from pathlib import Path

import pytest

from validation.core.settings import PROJECT
from validation.probes.source import command_lines, commands, completeness, documents, facts, scenarios


@pytest.mark.parametrize(
    "line",
    [
        "make no-such-target",
        "votecheck no-such-command",
        "votecheck run --no-such-option",
        "votecheck run --phase",
        "python -m no_such_module",
        "htop",
        "kubectl apply -f loadtests/nothing.yaml",
        "helm install voting ./chart --values chart/ci/nothing.yaml",
        'make "unfinished',
    ],
)
def test_a_command_that_cannot_run_is_seen(line: str) -> None:
    assert command_lines.problems(PROJECT, [line]) != [""]


@pytest.mark.parametrize(
    "line",
    ["make validate   # go", "make PYTHON=python3.13 test", "CI=1 make test", ".venv/bin/votecheck run --phase 5", "python -m system.api"],
)
def test_a_command_that_runs_is_let_through(line: str) -> None:
    assert command_lines.problems(PROJECT, [line]) == [""]


def test_each_line_has_a_problem_of_its_own() -> None:
    lines = ["votecheck list", "make no-such-target", "votecheck no-such-command", "votecheck doctor"]
    assert [bool(problem) for problem in command_lines.problems(PROJECT, lines)] == [False, True, True, False]


def test_commands_that_cannot_even_be_asked_all_have_the_same_problem(tmp_path: Path) -> None:
    (tmp_path / "validation").mkdir()
    (tmp_path / "validation" / "__init__.py").write_text("1 / 0\n", encoding="utf-8")
    first, second = command_lines.problems(tmp_path, ["votecheck list", "votecheck doctor"])
    assert first == second
    assert "ZeroDivisionError" in first


def lines_of(document: str) -> list[str]:
    return [step.line for step in commands.read("page.md", document).steps]


def test_commands_are_the_lines_of_sh_blocks_only() -> None:
    assert lines_of("```sh\n# why\nmake test   # it's long\n```\n```\nnot this\n```\n") == ["make test"]


def test_a_command_may_go_on_in_the_next_line() -> None:
    assert lines_of("- a list\n\n  ```sh\n  make \\\n    test\n  ```\n") == ["make    test"]


def test_a_changelog_is_read_as_it_stands() -> None:
    head, older = documents.releases("# C\n\n## [0.2.0] - 2026-01-02\n\n### Added\n\n- **One**: first.\n- two.\n\n## 0.1.0\n")
    assert (head.version, head.day, head.changes) == ("0.2.0", date(2026, 1, 2), {"Added": ("One", "two")})
    assert (older.version, older.day, older.changes) == ("0.1.0", None, {})


def test_an_impossible_date_is_not_accepted() -> None:
    assert documents.releases("## [1.0.0] - 2026-02-30\n")[0].day is None


def test_a_record_is_read_with_its_broken_links(tmp_path: Path) -> None:
    file = tmp_path / "docs" / "results" / "phases" / "phase-1.md"
    file.parent.mkdir(parents=True)
    table = "| checkpoint | verdict | result |\n|---|---|---|\n| 1.1 | PASSED | 12 of 12 |\n"
    file.write_text(f"[why](../../adr/0001-x.md)\n\n{table}\nMeasured on 2026-01-02, a laptop.\n", encoding="utf-8")
    record = documents.record(tmp_path, 1)
    assert record == documents.Record(
        ("../../adr/0001-x.md",), ("../../adr/0001-x.md",), (documents.Row("1.1", "PASSED", "12 of 12"),), date(2026, 1, 2), "a laptop"
    )
    assert documents.record(tmp_path, 2) is None


def test_two_scenarios_of_one_name_are_both_seen(tmp_path: Path) -> None:
    file = tmp_path / "features" / "x.feature"
    file.parent.mkdir()
    file.write_text(
        "@phase_1\nFeature: F\n  @cp_1_1\n  Rule: R\n    Scenario: S\n      Given a\n    Scenario: S\n      Given b\n", encoding="utf-8"
    )
    found = scenarios.read(tmp_path)
    assert [(one.name, one.checkpoints, one.tags) for one in found] == [("S", ("cp_1_1",), ("cp_1_1", "phase_1"))] * 2


def test_a_module_that_fails_or_exits_on_import_is_named_and_the_others_are_still_reported(tmp_path: Path) -> None:
    package = tmp_path / "system"
    package.mkdir()
    for name, text in {"__init__": "", "bad": "import no_such_module", "gone": "raise SystemExit(0)", "good": ""}.items():
        (package / f"{name}.py").write_text(text, encoding="utf-8")
    told = completeness.import_all(tmp_path, completeness.modules(tmp_path))
    assert {name for name, problem in told.items() if problem} == {"system.bad", "system.gone"}
    assert "no_such_module" in told["system.bad"]


def test_what_cannot_be_run_is_named() -> None:
    told = completeness.import_all(PROJECT, ["-m system.consumer", "-m system.db", "-m system.nothing", "validation.cli.main:nothing"])
    assert {name for name, problem in told.items() if problem} == {"-m system.db", "-m system.nothing", "validation.cli.main:nothing"}


@pytest.mark.parametrize(
    "text", ['CMD ["python", "-m", "a.b"]', "RUN python3.13 -m a.b", "- python\n - -m\n - a.b", "@$(RUN) -m a.b", "[python, -m, a.b]"]
)
def test_a_module_is_found_however_it_is_run(text: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_text(text, encoding="utf-8")
    assert [one.target for one in completeness.run_modules(tmp_path, "x")] == ["a.b"]


def test_a_copy_of_what_is_not_there_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "x.Dockerfile").write_text("COPY --chown=1:1 a \\\n  b/*.py /app/\nCOPY --from=build /c /c\n", encoding="utf-8")
    named = completeness.copied(tmp_path, "*.Dockerfile")
    assert [one.target for one in named] == ["a", "b/*.py"]
    assert completeness.missing(tmp_path, named) == ["x.Dockerfile names b/*.py"]


S = "class S:\n    name: str\n    port: Annotated[int, Field(ge=1, le=9_000)] = 8000\n"


@pytest.mark.parametrize(
    ("place", "values"),
    [
        ({"file": "f.py", "constants": ["ONE", "TWO"]}, ("1", "2")),
        ({"file": "f.py", "default": "S.port"}, ("8000",)),
        ({"file": "f.py", "fields": ["S"]}, ("NAME", "PORT")),
        ({"file": "f.py", "pattern": r"^ONE = (\d)"}, ("1",)),
        ({"file": "f.toml", "path": "a/*/b"}, ("1", "2")),
        ({"file": "f.yaml", "path": "a/1/b~1c"}, ("2",)),
        ({"file": "f.py", "maximum": "S.port"}, ("9000",)),
        ({"file": "f.py", "constants": ["SECONDS"]}, ("3",)),
        ({"file": "f.py", "pattern": r"^ONE = (\d)|^TWO = \(ONE, (\d)\)"}, ("1", "2")),
        ({"file": "f.yaml", "path": "d/name=two/e", "pattern": "[^,]+"}, ("X", "y")),
        ({"file": "f.yaml", "path": "d/name=two/e", "pattern": "^(.),", "lower": True}, ("x",)),
    ],
)
def test_a_place_is_read(place: dict[str, object], values: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text("ONE = 1\nTWO = (ONE, 2)\nSECONDS = 3.0\n" + S, encoding="utf-8")
    (tmp_path / "f.toml").write_text("a = [{b = 1}, {b = 2}]", encoding="utf-8")
    (tmp_path / "f.yaml").write_text("a: [{b/c: 1}, {b/c: 2}]\nd: [{name: one, e: z}, {name: two, e: 'X,y'}]", encoding="utf-8")
    said = facts.read(tmp_path, place)
    assert (said.values, said.problem) == (values, "")


@pytest.mark.parametrize(
    "place",
    [
        {"file": "nowhere.py", "constants": ["ONE"]},
        {"file": "f.py", "constants": ["NOTHING"]},
        {"file": "f.py", "default": "S.nothing"},
        {"file": "f.py", "pattern": "nothing (x)"},
        {"file": "f.py"},
        {"file": "f.py", "maximum": "S.nothing"},
        {"file": "f.yaml", "path": "a/*", "pattern": "b"},
        {"rendered": "Deployment nothing", "path": "a"},
        {"protocol": "NOTHING"},
    ],
)
def test_a_place_that_says_nothing_is_a_problem_and_not_a_silence(place: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text("class S:\n    pass\n", encoding="utf-8")
    (tmp_path / "f.yaml").write_text("a: [b, c]", encoding="utf-8")
    assert facts.read(tmp_path, place).problem
