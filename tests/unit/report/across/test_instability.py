"""A checkpoint that was red on the same subject is never green without a word about that."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.report.conftest import SUBJECT
from validation.core.settings import PROJECT
from validation.record.events import EarlierVerdict, SubjectSeen
from validation.record.subject import Subject
from validation.report import html, markdown, results_json
from validation.report.across.summaries import earlier
from validation.report.formats import junit
from validation.report.model import headline, load
from validation.report.write import write_all

SECONDS = 120.0
SENTENCE = "Unstable: 5.1 is PASSED here and was FAILED in run earlier of the same subject."


def after(record: Any, *events: EarlierVerdict | SubjectSeen) -> Path:
    record.start(["5.1", "5.2"])
    for one in events:
        record.emit(one)
    record.passes("5.1")
    record.scenario("5.2", ("percentage", "33.33", "33"))
    return Path(record.end())


def test_every_report_names_a_checkpoint_that_failed_before(record: Any) -> None:
    folder = after(record, EarlierVerdict("5.1", "earlier", "FAILED"))
    run = load(folder)
    assert headline(run).endswith(SENTENCE)
    assert results_json.document(run)["unstable"] == [{"id": "5.1", "verdict": "FAILED", "run": "earlier"}]
    assert results_json.breaches(results_json.document(run)) == []
    for render in (html.render, markdown.render, junit.render):
        assert SENTENCE.partition(" is ")[0] in render(run)


@pytest.mark.parametrize(
    "seen",
    [
        EarlierVerdict("5.1", "earlier", "PASSED"),
        EarlierVerdict("5.2", "earlier", "FAILED"),
        EarlierVerdict("6.1", "earlier", "FAILED"),
        EarlierVerdict("5.1", "earlier", "FAILED", {"api": "sha256:other"}),
    ],
)
def test_the_same_verdict_and_other_images_are_not_a_sign_of_instability(record: Any, seen: EarlierVerdict) -> None:
    images = SubjectSeen(Subject(images={"api": "sha256:one"}))
    assert load(after(record, images, seen)).unstable == ()


def test_a_new_run_records_the_last_verdicts_on_its_subject(new_record: Any) -> None:
    for number, observed in enumerate(("200", "500", "500")):
        record = new_record(f"2026112{number}-093000-aaaa")
        record.start(["5.1", "2.5"], started=f"2026-11-2{number}T09:30:00+00:00")
        record.scenario("5.1", ("status", "200", observed))
        folder = record.end()
        write_all(folder)
    assert list(earlier(folder.parent, SUBJECT, "local")) == [
        EarlierVerdict("5.1", "20261120-093000-aaaa", "PASSED", SUBJECT.images),
        EarlierVerdict("5.1", "20261122-093000-aaaa", "FAILED", SUBJECT.images),
    ]
    assert list(earlier(folder.parent, SUBJECT, "cluster")) == []
    assert list(earlier(folder.parent / "gone", SUBJECT, "local")) == []


def test_a_real_run_after_a_red_one_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "validation", "run", "--checkpoint", "8.3", "--reports", str(tmp_path)]
    first = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (first.returncode, "Unstable" in first.stderr) == (4, False), first.stderr
    results = (tmp_path / "latest").resolve() / "results.json"
    results.write_text(results.read_text(encoding="utf-8").replace('"PASSED"', '"FAILED"'), encoding="utf-8")
    second = subprocess.run([*command, "--json"], cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert f"Unstable: 8.3 is PASSED here and was FAILED in run {results.parent.name} of the same subject." in second.stderr
    assert json.loads(second.stdout)["unstable"] == [{"id": "8.3", "verdict": "FAILED", "run": results.parent.name}]
