"""The run of an earlier release: read from its pack or folder, and refused if it was altered."""

import json
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.pack.conftest import Signed
from tests.unit.pack.packs import made, restate
from tests.unit.record.subjects import SUBJECT
from tests.unit.report.conftest import Record, waiver
from validation.core.errors import UsageError
from validation.core.settings import PROJECT
from validation.pack import verification
from validation.pack.last_release import _commits_between, read_last_release
from validation.record.subject import Subject
from validation.report.write import write_all

RUN = "20261123-093000-aaaa"
SECONDS = 120.0


def test_a_pack_and_its_archive_say_the_same(signed_pack: Signed) -> None:
    last = read_last_release(signed_pack.pack, PROJECT)
    assert (last.run, last.target, last.verdict, last.recomputed) == (RUN, "local", "NO-GO", True)
    assert last.verdicts == {"5.1": "FAILED", "5.2": "PASSED"}
    assert (last.subject, last.commits) == (SUBJECT, None)
    assert read_last_release(signed_pack.pack.with_name("one.pack.tar.gz"), PROJECT) == last


def test_the_folder_of_a_run_will_do(new_record: Callable[[str], Record]) -> None:
    run = new_record(RUN)
    run.start(["5.1"], waivers=[waiver("5.1")])
    run.scenario("5.1", ("answer", "422", "201"))
    folder = run.end()
    write_all(folder)
    last = read_last_release(folder, PROJECT)
    assert (last.verdicts, [one["finding"] for one in last.waivers]) == ({"5.1": "WAIVED"}, ["answer"])


def change_a_file(pack: Path) -> None:
    (pack / RUN / "summary.md").write_text("GO")


def state_a_pass(pack: Path) -> None:
    file = pack / RUN / "results.json"
    file.write_text(file.read_text().replace('"NO-GO"', '"GO"'))
    restate(pack, result="PASSED")


def break_the_statement(pack: Path) -> None:
    (pack / "statement.json").write_text("[]")


@pytest.mark.parametrize(
    ("alter", "said"),
    [
        (change_a_file, "summary.md was changed"),
        (state_a_pass, "statement.json"),
        (break_the_statement, "statement.json"),
    ],
)
def test_an_altered_pack_is_refused(alter: Callable[[Path], None], said: str, signed_pack: Signed) -> None:
    alter(signed_pack.pack)
    with pytest.raises(UsageError, match=f"does not verify: .*{said}") as refused:
        read_last_release(signed_pack.pack, PROJECT)
    assert f"Try: votecheck verify {signed_pack.pack}" in str(refused.value)


def test_a_verdict_that_its_record_does_not_give_is_refused(
    new_record: Callable[[str], Record], tmp_path: Path, same_state: None  # noqa: ARG001 - a fixture
) -> None:  # fmt: skip
    pack = made(new_record(RUN), tmp_path / "a.pack", None)
    state_a_pass(pack)
    with pytest.raises(UsageError, match=r"results\.json has"):
        read_last_release(pack, PROJECT)


def test_a_pack_of_another_state_of_votecheck_is_compared_with_its_statement_alone(
    new_record: Callable[[str], Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = made(new_record(RUN), tmp_path / "a.pack", None)
    file = pack / RUN / "results.json"
    written = json.loads(file.read_text())
    file.write_text(json.dumps({name: value for name, value in written.items() if name != "since"}))  # as an older one wrote it
    restate(pack)
    monkeypatch.setattr(verification, "read_subject", lambda *_: Subject(digests={"validation": "sha256:other"}))
    last = read_last_release(pack, PROJECT)
    assert (last.verdict, last.recomputed) == ("NO-GO", False)
    change_a_file(pack)
    with pytest.raises(UsageError, match=r"summary\.md was changed"):
        read_last_release(pack, PROJECT)


def test_a_changed_run_is_refused(new_record: Callable[[str], Record]) -> None:
    run = new_record(RUN)
    run.start(["5.1"])
    run.passes("5.1")
    folder = run.end()
    write_all(folder)
    (folder / "results.json").write_text((folder / "results.json").read_text().replace('"PARTIAL"', '"GO"'))
    with pytest.raises(UsageError, match=r"does not verify: results\.json has"):
        read_last_release(folder, PROJECT)


@pytest.mark.parametrize("content", [b"", b"not an archive"])
def test_a_file_that_is_not_a_pack_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.pack.tar.gz").write_bytes(content)
    with pytest.raises(UsageError, match="is not a pack"):
        read_last_release(tmp_path / "a.pack.tar.gz", PROJECT)
    with pytest.raises(UsageError, match="neither a pack nor the folder of a run"):
        read_last_release(tmp_path, PROJECT)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git checkout with one commit."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder)
    return folder


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    command = ["git", *identity, *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def commit(folder: Path) -> str:
    git(folder, "commit", "--quiet", "--allow-empty", "--message", secrets.token_hex(4))  # otherwise two of one second are one
    return git(folder, "rev-parse", "HEAD")


def test_commits_on_both_sides_are_counted(checkout: Path, tmp_path: Path) -> None:
    first = git(checkout, "rev-parse", "HEAD")
    commit(checkout)
    old = commit(checkout)
    assert _commits_between(checkout, first) == (0, 2)
    git(checkout, "reset", "--quiet", "--hard", first)
    commit(checkout)
    assert _commits_between(checkout, old) == (2, 1)
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{checkout}", "shallow")
    head = git(checkout, "rev-parse", "HEAD")
    assert _commits_between(checkout, head) == (0, 0)
    assert _commits_between(tmp_path / "shallow", head) == (0, None)


@pytest.mark.parametrize("unknown", ["", "--all", "HEAD", "f" * 40])
def test_a_commit_that_git_does_not_know_is_not_counted(unknown: str, checkout: Path) -> None:
    assert _commits_between(checkout, unknown) == (0, None)


def votecheck(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "validation", *words]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS, check=False)


def test_a_real_run_names_what_changed_and_its_command_repeats_that(tmp_path: Path) -> None:
    reports = ("--reports", tmp_path / "reports")
    assert votecheck("run", "--checkpoint", "8.3", *reports).returncode == 4
    first = (tmp_path / "reports" / "latest").resolve()
    second = votecheck("run", "--checkpoint", "8.3", "--since", tmp_path / "reports" / "latest", *reports, "--json")
    assert f"release: run {first.name}" in second.stderr
    told = json.loads(second.stdout)
    assert (told["since"]["run"], told["since"]["verdicts"]) == (first.name, [])
    assert f"--since {first}" in told["command"]
    assert votecheck("verify", *reports).returncode == 0


def test_nothing_starts_before_the_last_release_is_read(tmp_path: Path) -> None:
    ended = votecheck("run", "--since", tmp_path / "gone", "--reports", tmp_path / "reports")
    assert ended.returncode == 2, ended.stderr
    assert "neither a pack nor the folder of a run" in ended.stderr
    assert not (tmp_path / "reports").exists()
