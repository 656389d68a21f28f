"""Commands of a page, run for real in a folder."""

from pathlib import Path

import psutil
import pytest

from features.support.document_sessions import Ended, Session
from validation.core.errors import NotProven
from validation.core.waiting import eventually
from validation.probes.source.commands import Page, Row, Step


def step(line: str, **row: object) -> Step:
    return Step("page.md", line, Row(line, **row))  # type: ignore[arg-type] # the fields of a row


def change(removed: str, added: str) -> Step:
    return Step("page.md", "file.txt", Row(""), removed=removed, added=added)


def follow(folder: Path, *steps: Step, env: dict[str, str] | None = None, files: dict[str, str] | None = None) -> list[Ended]:
    return list(Session(folder, env or {}, {"http://there": "http://here"}).follow(Page("page.md", list(steps), files or {}), ("local",)))


def test_commands_run_in_order_in_one_folder_and_each_has_its_exit_code(tmp_path: Path) -> None:
    ended = follow(tmp_path, step("echo one > made"), step("cat made"), step("cat missing"))
    assert [one.code for one in ended] == [0, 0, 1]
    assert ended[1].output == "one\n"
    assert "missing" in ended[2].output


def test_a_command_for_another_place_does_not_run(tmp_path: Path) -> None:
    assert follow(tmp_path, step("touch made", where="tests")) == []
    assert not (tmp_path / "made").exists()


def test_what_a_reader_would_have_run_before_runs_first(tmp_path: Path) -> None:
    ended = follow(tmp_path, step("cat made", before=("echo first > made",)))
    assert [(one.ran, one.code) for one in ended] == [("echo first > made", 0), ("cat made", 0)]


def test_the_reader_has_files_variables_and_names_of_the_page(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("mine", encoding="utf-8")
    ended = follow(
        tmp_path, step('cat shown kept; echo "$URL http://there/x"'), env={"URL": "u"}, files={"shown": "page\n", "kept": "page"}
    )
    assert ended[0].output == "page\nmineu http://here/x\n"


def test_an_earlier_run_is_the_latest_one_of_the_session(tmp_path: Path) -> None:
    for run in ("20260101-000000-aaaa", "20260102-000000-bbbb"):
        (tmp_path / "reports" / run).mkdir(parents=True)
    assert follow(tmp_path, step("echo 20261129-083958-a043"))[0].output == "20260102-000000-bbbb\n"


def test_the_caller_s_variables_do_not_reach_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k nothing")
    assert follow(tmp_path, step('echo "[$PYTEST_ADDOPTS]"'))[0].output == "[]\n"


def test_a_change_lasts_for_the_next_command(tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("whole\n", encoding="utf-8")
    ended = follow(tmp_path, change("whole", "broken"), step("cat file.txt"), step("cat file.txt"))
    assert [one.output for one in ended] == ["broken\n", "whole\n"]


def test_a_change_of_a_line_that_the_file_does_not_have_is_not_proven(tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("other\n", encoding="utf-8")
    with pytest.raises(NotProven, match="does not have exactly once"):
        follow(tmp_path, change("whole", "broken"), step("cat file.txt"))


def test_a_server_goes_on_until_the_page_is_done_and_is_then_interrupted(tmp_path: Path) -> None:
    serve = "python3 -c 'import time; print(\"ready\", flush=True); time.sleep(60)'"
    ended = follow(tmp_path, step(serve, until="ready"), step("echo meanwhile"))
    assert [one.served for one in ended] == [False, True]
    assert ended[1].code is not None
    assert ended[1].output.startswith("ready\n")
    assert ended[1].seconds < 15


def test_a_server_that_ends_by_itself_did_not_serve(tmp_path: Path) -> None:
    (ended,) = follow(tmp_path, step("echo ready", until="ready"))
    assert (ended.served, ended.code) == (True, None)
    assert ended.early == 0


def test_what_a_command_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    follow(tmp_path, step("sleep 300 & echo $! > pid"))
    left = int((tmp_path / "pid").read_text(encoding="utf-8"))
    gone = eventually(
        lambda: psutil.pid_exists(left) and psutil.Process(left).status() != psutil.STATUS_ZOMBIE, lambda it: not it, within=5
    )
    assert gone.held
