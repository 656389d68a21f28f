"""Evidence is kept in full, once, without secrets and within bounds; what is not kept is counted."""

from collections.abc import Callable
from pathlib import Path

import pytest

from validation.core.inputs import Inputs
from validation.record import evidence as module
from validation.record.events import TEXT_MAX, EvidenceLimited, Observed
from validation.record.evidence import Evidence, digest_of, digests, path_of
from validation.record.observe import Finding, Observe

LONG = "long " * TEXT_MAX


@pytest.fixture
def limits() -> list[EvidenceLimited]:
    return []


@pytest.fixture
def evidence(tmp_path: Path, limits: list[EvidenceLimited]) -> Evidence:
    return Evidence(tmp_path, limits.append)


@pytest.fixture
def bounded(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that sets smaller bounds, in bytes."""

    def bound(**bounds: int) -> None:
        for name, size in bounds.items():
            monkeypatch.setattr(module, name, size)

    return bound


def test_a_text_is_kept_in_full_under_its_digest(evidence: Evidence, tmp_path: Path, limits: list[EvidenceLimited]) -> None:
    digest = evidence.keep(LONG, wrong=False)
    content = (tmp_path / path_of(digest)).read_bytes()
    assert (content.decode(), digest_of(content)) == (LONG, digest)
    evidence.close()
    assert limits == []


def test_the_same_text_is_one_file(evidence: Evidence, tmp_path: Path) -> None:
    assert evidence.keep(LONG, wrong=False) == evidence.keep(LONG, wrong=True)
    assert len(list((tmp_path / "evidence").iterdir())) == 1


def test_secrets_are_hidden(evidence: Evidence, tmp_path: Path) -> None:
    evidence.hide("redis://:hunter2@redis/0", "")
    digest = evidence.keep("AUTH hunter2, postgresql://votes:pw@db/votes", wrong=True)
    assert (tmp_path / path_of(digest)).read_text() == "AUTH (hidden), postgresql://(hidden)@db/votes"


def test_a_text_that_is_too_long_is_cut_and_counted(
    evidence: Evidence, tmp_path: Path, bounded: Callable[..., None], limits: list[EvidenceLimited]
) -> None:
    bounded(FILE_MAX=100)
    digest = evidence.keep("é" * 200, wrong=True)
    content = (tmp_path / path_of(digest)).read_bytes()
    assert len(content) <= 100
    assert content.decode().endswith("(cut here: the first MiB of 400 bytes)\n")
    assert limits == [EvidenceLimited(left_out=0, cut=1, failed=0)]


def test_beyond_the_bound_of_a_run_nothing_is_kept_and_all_of_it_counted(
    evidence: Evidence, tmp_path: Path, bounded: Callable[..., None], limits: list[EvidenceLimited]
) -> None:
    bounded(RUN_MAX=10)
    assert evidence.keep("12345678", wrong=True)
    assert evidence.keep("abc", wrong=True) == evidence.keep("def", wrong=True) == ""
    assert evidence.keep("12345678", wrong=True), "it is there already"
    assert len(list((tmp_path / "evidence").iterdir())) == 1
    assert limits == [EvidenceLimited(left_out=1, cut=0, failed=0)], "said at once, so that a killed run has it"
    evidence.close()
    assert limits[-1] == EvidenceLimited(left_out=2, cut=0, failed=0)


def test_what_was_right_leaves_room_for_findings(evidence: Evidence, bounded: Callable[..., None]) -> None:
    bounded(RUN_MAX=20, RIGHT_MAX=10)
    assert evidence.keep("123456789", wrong=False)
    assert evidence.keep("right", wrong=False) == ""
    assert evidence.keep("wrong", wrong=True)


def test_a_full_disk_ends_no_run(evidence: Evidence, tmp_path: Path, limits: list[EvidenceLimited]) -> None:
    (tmp_path / "evidence").touch()  # a file where the folder should be
    assert evidence.keep(LONG, wrong=True) == ""
    assert limits == [EvidenceLimited(0, 0, failed=1, why="File exists")]


@pytest.fixture
def facts() -> list[Observed]:
    return []


@pytest.fixture
def observe(facts: list[Observed], evidence: Evidence) -> Observe:
    inputs = Inputs()
    inputs.add(f"POST /api/vote\n{LONG}")
    return Observe("S", facts.append, inputs, keep=evidence.keep)


def test_each_part_of_an_observation_that_is_cut_names_its_file(observe: Observe, facts: list[Observed], tmp_path: Path) -> None:
    with pytest.raises(Finding):
        observe("answer", expected="short", observed=f"{LONG}.", evidence=f"{LONG}!")
    (fact,) = facts
    assert fact.observed.endswith("… (10001 characters)")
    files = {part: (tmp_path / path_of(digest)).read_text() for part, digest in fact.files.items()}
    assert files == {"observed": f"{LONG}.", "evidence": f"{LONG}!", "input": f"POST /api/vote\n{LONG}"}


def test_an_observation_that_is_not_cut_has_no_file(observe: Observe, facts: list[Observed], tmp_path: Path) -> None:
    observe("answer", expected="x" * TEXT_MAX, observed="x" * TEXT_MAX)
    assert facts[0].files == {}
    assert not (tmp_path / "evidence").exists()


def test_evidence_that_cannot_be_kept_changes_no_finding(observe: Observe, facts: list[Observed], tmp_path: Path) -> None:
    (tmp_path / "evidence").touch()
    raised: list[BaseException] = []
    try:
        observe("answer", expected=LONG, observed="short")
    except (Finding, OSError) as error:
        raised.append(error)
    assert [type(one) for one in raised] == [Finding]
    observe("other", expected=LONG, observed=LONG)
    assert [(one.ok, one.files) for one in facts] == [(False, {}), (True, {})]


def test_a_picture_is_kept_as_it_is_and_named_by_its_observation(evidence: Evidence, tmp_path: Path) -> None:
    png = b"\x89PNG\r\n\x1a\n redis://:hunter2@redis/0"
    seen: list[Observed] = []
    observe = Observe("a scenario", seen.append, keep=evidence.keep, keep_picture=evidence.keep_picture)
    observe("the page", expected=1, observed=1, picture=png)
    assert (tmp_path / path_of(seen[0].files["picture"], "picture")).read_bytes() == png
    assert digests(tuple(seen)) == {f"evidence/{digest_of(png)[:16]}.png": digest_of(png)}


def test_a_picture_that_is_too_large_is_left_out_and_counted(
    evidence: Evidence, bounded: Callable[..., None], limits: list[EvidenceLimited]
) -> None:
    bounded(FILE_MAX=100)
    assert evidence.keep_picture(b"p" * 101, wrong=True) == ""
    assert limits[0].left_out == 1
