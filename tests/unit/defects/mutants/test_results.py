"""Results are kept one per line, looked up by what was changed and what tested it, and scored."""

from pathlib import Path

import pytest

from validation.defects.mutants import results
from validation.defects.mutants.mutant import Mutant
from validation.defects.mutants.results import Accepted, Line, digest, keep, read
from validation.defects.mutants.score import markdown
from validation.defects.mutants.trial import Fate, Trial

MUTANT = Mutant("system/api/votes.py", 7, "constant", "1", "2", "x = 2\n")
SURVIVOR = '[[survivor]]\nfile = "{}"\nkind = "constant"\nbefore = "1"\nafter = "{}"\nreason = "Nobody can notice."\n'


@pytest.fixture
def accepted(tmp_path: Path) -> Accepted:
    (tmp_path / "a.toml").write_text(SURVIVOR.format("system/*", "*"), encoding="utf-8")
    return Accepted(tmp_path / "a.toml")


def line(tmp_path: Path, fate: Fate, file: str = MUTANT.file, detail: str = "") -> Line:
    return keep(tmp_path / "m.jsonl", Trial(Mutant(file, 7, "constant", "1", "2", "x = 2\n"), fate, "", detail, 1.5), "sources")


def test_a_result_is_found_for_the_same_change_and_source_only(tmp_path: Path) -> None:
    written = line(tmp_path, Fate.CAUGHT)
    with (tmp_path / "m.jsonl").open("a") as lines:
        lines.write('{"cut')
    again = line(tmp_path, Fate.SURVIVED, "system/api/body.py")
    assert read(tmp_path / "m.jsonl") == {written.digest: written, again.digest: again}
    assert digest(MUTANT, "sources") == written.digest != digest(MUTANT, "others")


def test_only_a_survivor_is_accepted(tmp_path: Path, accepted: Accepted) -> None:
    assert accepted.why(line(tmp_path, Fate.SURVIVED)) == "Nobody can notice."
    assert [accepted.why(line(tmp_path, fate)) for fate in Fate if fate is not Fate.SURVIVED] == [""] * 4
    assert accepted.why(line(tmp_path, Fate.SURVIVED, "chart/values.yaml")) == ""


def test_each_accepted_survivor_has_a_reason() -> None:
    assert results.ACCEPTED.is_file()
    assert Accepted().why(Line("", "chart/templates/api.yaml", 1, "scalar changed", "periodSeconds: 5", "periodSeconds: 6", "survived",
                               "", "", 0.0, ""))  # fmt: skip


def test_the_score_leaves_out_what_nobody_can_notice(tmp_path: Path, accepted: Accepted) -> None:
    fates = [Fate.CAUGHT] * 3 + [Fate.EQUIVALENT, Fate.SURVIVED]
    lines = [line(tmp_path, fate) for fate in fates] + [line(tmp_path, Fate.SURVIVED, "chart/values.yaml", "9 scenarios | passed")]
    made = markdown(lines, accepted)
    assert "| system/api/votes.py | 5 | 3 | 0 | 1 | 1 | 0 | 100 % |" in made
    assert "| all | 6 | 3 | 0 | 1 | 1 | 1 | 75 % |" in made
    assert "| chart/values.yaml:7 | `constant: 1 -> 2` | survived 9 scenarios   passed |" in made
