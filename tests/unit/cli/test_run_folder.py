from pathlib import Path

import pytest

from validation.cli.reports import run_folder
from validation.core.errors import UsageError

RUN = "20261123-093000-aaaa"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere" / RUN
    folder.mkdir(parents=True)
    for name in ("results.jsonl", "index.html"):
        (folder / name).touch()
    return folder


@pytest.mark.parametrize("named", ["", "results.jsonl", "index.html"])
def test_a_run_is_named_by_its_folder_or_a_file_in_it(elsewhere: Path, named: str) -> None:
    assert run_folder(Path("reports"), str(elsewhere / named)) == elsewhere


def test_an_id_in_the_reports_comes_before_a_path(elsewhere: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / RUN
    other.mkdir()
    (other / "results.jsonl").touch()
    monkeypatch.chdir(tmp_path)
    assert run_folder(elsewhere.parent, RUN) == elsewhere


def test_a_path_without_a_record_is_refused_with_the_known_runs(elsewhere: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"no record at that path. Valid ids: {RUN}"):
        run_folder(elsewhere.parent, str(tmp_path))
