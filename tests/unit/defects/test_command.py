from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.unit.defects.example import COLUMNS, row
from validation.cli.defects import defects_app
from validation.cli.main import app
from validation.core.errors import UsageError
from validation.core.interruption import Interrupted
from validation.defects.catalogue import Defect
from validation.defects.matrix.matrix import Matrix
from validation.defects.proving.bench import Bench
from validation.defects.results import Proof, digest_of, digest_of_sources, keep
from validation.defects.selection import Chosen
from validation.registry.checkpoints import BEYOND, registry


def call(*words: str, reports: Path) -> Result:
    return CliRunner().invoke(defects_app, ["run", *words, "--reports", str(reports)])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The defects to prove. All except D4 are caught."""
    ids: list[str] = []

    def prove_all(chosen: Sequence[Defect], _bench: Bench, file: Path, _say: Any, *, resume: bool) -> Iterator[Proof]:
        ids.extend([*(one.id for one in chosen), *(["resumed"] if resume else [])])
        for one in chosen:
            outcome = "survived" if one.id == "D4" else "caught"
            failed = list(one.checkpoints) if outcome == "caught" else []
            proof = Proof(one.id, "here", digest_of(one, digest_of_sources()), outcome, "words", failed, "", seconds=12.3)
            keep(file, proof)
            yield proof

    monkeypatch.setattr("validation.defects.batch.prove_all", prove_all)
    return ids


def test_an_option_may_be_repeated_and_takes_commas(asked: list[str], tmp_path: Path) -> None:
    ran = call("--defect", "D3,D13", "--defect", "D14", reports=tmp_path)
    assert sorted(asked) == ["D13", "D14", "D3"]
    assert ran.exit_code == 0
    assert "D3   caught         12 s  The consumer reads a different field than the API writes. words\n" in ran.stdout
    assert ran.stdout.endswith("3 of 3 caught\n")
    beyond = sum(checkpoint.phase == BEYOND for checkpoint in registry().values())
    assert ran.stderr.endswith(f"0 of {beyond} checks beyond the protocol and 4 of 32 checkpoints are self-tested\n")


def test_a_survivor_is_exit_1(asked: list[str], tmp_path: Path) -> None:
    ran = call("--defect", "D4", "--resume", reports=tmp_path)
    assert asked == ["D4", "resumed"]
    assert (ran.exit_code, ran.stdout.splitlines()[-1]) == (1, "0 of 1 caught")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--matrix", "--in-cluster"), "--matrix and --in-cluster exclude each other"),
        (("--context", "x"), "--context needs --in-cluster"),
        (("--defect", ","), "--defect is empty"),
        (("--layer", "nowhere"), "There is no layer nowhere"),
        (("--checkpoint", "9.9"), "There is no checkpoint 9.9"),
        (("--since", "no such ref"), "git "),
    ],
)
def test_a_usage_error_proves_nothing(words: tuple[str, ...], message: str, asked: list[str], tmp_path: Path) -> None:
    ran = call(*words, reports=tmp_path)
    assert isinstance(ran.exception, UsageError)
    assert message in str(ran.exception)
    assert asked == []


def test_nothing_to_prove_is_not_a_failure(asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("validation.defects.selection.choose", lambda _wanted, _bench: Chosen((), ("all left out",)))
    ran = call("--since", "main", reports=tmp_path)
    assert (ran.exit_code, ran.stdout, ran.stderr, asked) == (0, "", "all left out\n", [])


def test_an_interruption_says_how_to_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> Iterator[Proof]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr("validation.defects.batch.prove_all", interrupted)
    ran = call("--defect", "D3", reports=tmp_path)
    assert isinstance(ran.exception, Interrupted)
    assert f"{tmp_path / 'defects/results.jsonl'}. To continue: votecheck " in ran.stderr


@pytest.mark.parametrize(("verdicts", "code"), [({"c2_3": "FAILED"}, 0), ({"c2_3": "PASSED"}, 1), ({"c2_3": "NOT PROVEN"}, 1)])
def test_the_matrix_is_written_and_ends_with_how_many_are_self_tested(
    verdicts: dict[str, str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("validation.defects.batch.fill", lambda *_, **__: Matrix((row("D13", **verdicts),), COLUMNS))
    ran = call("--matrix", "--defect", "D13", reports=tmp_path)
    assert ran.exit_code == code
    assert ran.stdout.endswith("of 32 checkpoints are self-tested\n")
    assert sorted(file.name for file in (tmp_path / "defects").iterdir()) == ["index.html", "matrix.json", "summary.md"]


def test_the_folder_of_defects_is_not_a_run(asked: list[str], tmp_path: Path) -> None:
    call("--defect", "D3", reports=tmp_path)
    ran = CliRunner().invoke(app, ["report", "nope", "--reports", str(tmp_path)])
    assert "The folder has no runs" in str(ran.exception)
    assert asked == ["D3"]
