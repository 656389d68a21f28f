"""Every command that has data prints it with --json: one document on stdout, and nothing else there."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
from typer.testing import CliRunner

from tests.unit.load import example
from tests.unit.record.subjects import SUBJECT
from validation.cli.main import app
from validation.core.errors import USAGE_EXIT, UsageError
from validation.core.settings import PROJECT
from validation.defects.catalogue import Defect
from validation.defects.mutants.results import Line
from validation.defects.results import Proof, digest_of, digest_of_sources
from validation.defects.selection import Chosen
from validation.images.build import Built
from validation.images.store import Layer
from validation.load.compare import figures, noise, noise_file
from validation.load.report.write import write
from validation.record.events import Finished, Observed, Planned, RunFinished, RunStarted, Started, SubjectSeen
from validation.record.recorder import Recorder
from validation.report.results_json import breaches
from validation.report.write import write_all

SECONDS = 240.0
WITHOUT_DATA = {"up": "serves until it is stopped"}
"""Commands that need no --json, and why. Every other command must have it."""

OF_REAL_RUNS = {"run", "merge"}
"""Commands whose documents the last test here and `test_merge.py` read."""

HOSTILE = "\x1b]0;x\x07 \u202e ]]> %0A ::error:: \x9b"
FIRST, SECOND = "20261129-120000-aaaa", "20261129-130000-bbbb"
LOADED = example.result()

CALLS: dict[str, Callable[[Any], Any]] = {
    "plan --checkpoint 2.5": lambda told: told[0]["checked_at"] == [],
    "list": lambda told: told[0]["id"] == "1.1",
    "list --claims": lambda told: "sentence" in told[0],
    "explain 5.1": lambda told: told["id"] == "5.1" and told["scenarios"] and told["defects"],
    "doctor": lambda told: told["ready"] in {True, False} and told["checks"][0]["what"] == "Python",
    "report": lambda told: breaches(told) == [],
    "verify": lambda told: told == {"run": SECOND, "verified": True, "verdict": "NO-GO", "problems": []},
    f"verify {FIRST}": lambda told: told["verified"] is False and told["verdict"] == "" and told["problems"],
    "history {reports}": lambda told: [one["verdict"] for one in told["runs"]] == ["GO", "NO-GO"],
    "waive 5.1 --owner me --reason why --expires 2099-12-31 --file {reports}/w.toml": lambda told: (
        [one["id"] for one in told["waivers"]] == ["5.1"]
    ),
    "bundle": lambda told: told["signed"] is False and "results.jsonl" in str(told["files"]),
    f"diff {FIRST}": lambda told: (
        [told["before"]["verdict"], told["after"]["verdict"]] == ["PARTIAL", "NO-GO"]
        and (told["verdicts"], len(told["new_findings"])) == ([{"id": "5.1", "before": "PASSED", "after": "FAILED"}], 1)
    ),
    "images": lambda told: (told[0]["reference"], told[0]["layers"][0]["size"]) == ("voting-api:1", 7),
    "load baseline": lambda told: told == json.loads(msgspec.json.encode(LOADED)),
    "load noise baseline --runs 4": lambda told: told["noise"]["scenario"] == LOADED.scenario and told["chance"],
    "load compare one two": lambda told: [one["word"] for one in told["changes"]] == ["no difference shown"] * len(figures(LOADED)),
    "defects list --checkpoint 5.1": lambda told: all("5.1" in one["checkpoints"] + one["cluster_checkpoints"] for one in told),
    "defects run --defect D3,D13": lambda told: (told["caught"], told["of"], len(told["proofs"])) == (2, 2, 2),
    "defects mutate --sample 1 --seed 1 --file system/contract.py": lambda told: (
        (told["fates"], told["mutants"][0]["after"]) == ({"noticed": 1}, HOSTILE)
    ),
}


def commands(command: Any, *path: str) -> Iterator[tuple[str, set[str]]]:
    inner = getattr(command, "commands", {})
    for name in inner:
        yield from commands(inner[name], *path, name)
    if not inner:
        yield " ".join(path), {option for parameter in command.params for option in parameter.opts}


def document(printed: str) -> Any:
    """Return the one JSON document that was printed; anything else fails the test."""
    try:
        return json.loads(printed)
    except ValueError as problem:
        pytest.fail(f"This is not one JSON document ({problem}): {printed[:200]!r}")


COMMANDS = dict(commands(typer.main.get_command(app)))


def test_every_command_with_data_has_the_option() -> None:
    assert sorted(name for name, options in COMMANDS.items() if "--json" not in options) == sorted(WITHOUT_DATA)


def test_every_command_with_data_is_called_here() -> None:
    called = {name for name in COMMANDS for call in CALLS if f"{call} ".startswith(f"{name} ")}
    scenarios = {name for name in COMMANDS if name.startswith("load ")} - {"load noise", "load compare"}  # one function for all of them
    assert COMMANDS.keys() - called - WITHOUT_DATA.keys() - scenarios == OF_REAL_RUNS


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Two runs: the results.json of the first is not what its record gives; the second has a finding."""
    for run, ok in ((FIRST, True), (SECOND, False)):
        recorder = Recorder(tmp_path / run / "results.jsonl")
        recorder.emit(RunStarted(run, "local", "2026-11-29T12:00:00+00:00", ["5.1"], [], {}, {"votecheck": "0.3.2"}, [], subject=SUBJECT))
        recorder.emit(Planned("one", "One", ["5.1"], "one.feature"))
        recorder.emit(Started("one", "One", ["5.1"], "one.feature"))
        recorder.emit(Observed("one", "Then", "status", "201", "201" if ok else HOSTILE, ok))
        recorder.emit(Finished("one", "passed" if ok else "failed", "", 0.1, "local"))
        recorder.emit(SubjectSeen(SUBJECT))
        recorder.emit(RunFinished(1.0))
        recorder.close()
        write_all(tmp_path / run)
    results = tmp_path / FIRST / "results.json"
    results.write_text(results.read_text(encoding="utf-8").replace("PARTIAL", "GO"), encoding="utf-8")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, LOADED)
    file = noise_file(tmp_path, LOADED)
    file.parent.mkdir()
    (tmp_path / "defects").mkdir()
    file.write_bytes(msgspec.json.encode(noise([LOADED] * 4)))
    return tmp_path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace what takes minutes by its results; the tests beside these run the real thing."""

    def prove_all(chosen: Sequence[Defect], *_: object, **__: object) -> Iterator[Proof]:
        for one in chosen:
            yield Proof(one.id, "here", digest_of(one, digest_of_sources()), "caught", HOSTILE, [*one.checkpoints], "")

    def try_all(*_: object, **__: object) -> Iterator[Line]:
        yield Line("", "system/x.py", 1, "constant", "1", HOSTILE, "noticed", "5.1", HOSTILE, 1.0, "")

    monkeypatch.setattr("validation.defects.batch.prove_all", prove_all)
    monkeypatch.setattr("validation.defects.mutants.batch.try_all", try_all)
    monkeypatch.setattr("validation.load.run.run", lambda settings, *_: settings.folder.mkdir(parents=True) or LOADED)
    monkeypatch.setattr("validation.targets.preflight.preflight", lambda _: nullcontext(""))
    monkeypatch.setattr("validation.images.engines.answering", lambda _: type("Engine", (), {"name": "podman"}))
    built = Built("voting-api:1", "podman", 1.0, "sha256:1", "sha256:2", 7, (Layer(7, HOSTILE),))
    monkeypatch.setattr("validation.images.build.build_all", lambda *_: iter([built]))


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("call", CALLS)
def test_stdout_holds_one_document_and_nothing_else(call: str, reports: Path) -> None:
    name = max((one for one in COMMANDS if f"{call} ".startswith(f"{one} ")), key=len)
    given = ["--reports", str(reports)] if "--reports" in COMMANDS[name] else []
    ran = CliRunner().invoke(app, [*call.format(reports=reports).split(), "--json", *given])
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    assert CALLS[call](document(ran.stdout))
    assert "\x1b" not in ran.stdout
    assert "\x9b" not in ran.stdout


def test_nothing_to_prove_has_the_document_of_proofs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("validation.defects.selection.choose", lambda *_: Chosen((), ("Nothing changed.",)))
    ran = CliRunner().invoke(app, ["defects", "run", "--since", "HEAD", "--json"])
    assert document(ran.stdout) == {"caught": 0, "of": 0, "proofs": []}


def test_the_document_of_a_real_run_is_alone_on_stdout(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "validation", "run", "--checkpoint", "4.2", "--json", "--reports", str(tmp_path)]
    ran = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS, check=False)
    told = document(ran.stdout)
    assert (breaches(told), [one["id"] for one in told["checkpoints"]]) == ([], ["4.2"])


def test_after_wrong_usage_stdout_is_empty(reports: Path) -> None:
    ran = CliRunner().invoke(app, ["diff", "no-such-run", "--json", "--reports", str(reports)])
    assert isinstance(ran.exception, UsageError)
    assert ran.stdout == ""
    assert CliRunner().invoke(app, ["plan", "--moon", "--json"]).exit_code == USAGE_EXIT
