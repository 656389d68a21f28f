"""What is kept when a scenario fails backs the finding and never changes it."""

from pathlib import Path

import pytest

from tests.unit.pytest_plugin.conftest import RIGHT, Ended, RunFeature
from validation.record.evidence import path_of
from validation.record.verdicts import Verdict

ASK = """
from validation.core.errors import ProbeError
from validation.probes.running.http import HttpProbe

@when("a voter votes")
def votes():
    try:
        HttpProbe("http://127.0.0.1:1").send("POST", "/api/vote", headers={"Authorization": "Bearer x"}, content=b"cats")
    except ProbeError:
        pass

@then("nothing can be looked at")
def cannot_look():
    1 / 0
"""
WRONG = "Scenario: S\n  When a voter votes\n  Then it is wrong"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "project" / "reports" / "run"


def kept(ended: Ended, folder: Path) -> dict[str, str]:
    assert len(ended.run.moments) == 1, ended.output
    (moment,) = ended.run.moments
    return {what: (folder / path_of(digest)).read_text(encoding="utf-8") for what, digest in moment.files.items()}


def test_a_finding_keeps_the_requests_of_its_scenario(run_feature: RunFeature, folder: Path) -> None:
    ended = run_feature(f"{RIGHT}\n{WRONG}", ASK)
    texts = kept(ended, folder)
    assert [*texts] == ["requests and responses"], "a scenario without a target has no stream, rows or logs"
    assert "POST /api/vote\nAuthorization: (hidden)\n\ncats\n\nno response: ConnectError" in texts["requests and responses"]
    assert ended.run.moments[0].scenario.endswith("::test_s")


def test_an_error_of_the_harness_keeps_them_too(run_feature: RunFeature, folder: Path) -> None:
    ended = run_feature("Scenario: S\n  When a voter votes\n  Then nothing can be looked at", ASK)
    assert ended.checkpoint.verdict is Verdict.NOT_PROVEN
    assert "POST /api/vote" in kept(ended, folder)["requests and responses"]


def test_a_scenario_that_passes_keeps_nothing(run_feature: RunFeature, folder: Path) -> None:
    ended = run_feature("Scenario: S\n  When a voter votes\n  Then it is right", ASK)
    assert (ended.checkpoint.verdict, ended.run.moments) == (Verdict.PASSED, ())
    assert not (folder / "evidence").exists()


UNREADABLE = """
from validation.pytest_plugin import moment

def parts(item):
    yield "log lines", lambda: {how}
    yield "stream entries", lambda: "an entry"

moment._parts = parts
"""
NO_FOLDER = """
import pathlib
from validation.record import evidence

evidence.FOLDER = "results.jsonl"
"""


@pytest.mark.parametrize(
    ("how", "said"), [("1 / 0", "division by zero"), ('open("/no/such/log")', "No such file"), ("[][1]", "list index out of range")]
)
def test_what_cannot_be_read_is_said_and_the_finding_stands(run_feature: RunFeature, folder: Path, how: str, said: str) -> None:
    ended = run_feature(WRONG, ASK, conftest=UNREADABLE.format(how=how))
    assert len(ended.run.moments) == 1, ended.output
    (moment,) = ended.run.moments
    (problem,) = moment.problems
    assert problem.startswith("The log lines could not be read: ")
    assert said in problem
    assert kept(ended, folder) == {"stream entries": "an entry"}
    assert (ended.checkpoint.verdict, ended.run.harness_errors) == (Verdict.FAILED, ())


def test_what_cannot_be_written_is_said_and_the_finding_stands(run_feature: RunFeature) -> None:
    ended = run_feature(WRONG, ASK, conftest=NO_FOLDER)
    assert len(ended.run.moments) == 1, ended.output
    (moment,) = ended.run.moments
    assert (moment.files, moment.problems) == ({}, ["The requests and responses could not be kept."])
    assert ended.run.evidence_limited is not None
    assert (ended.run.evidence_limited.failed, ended.run.evidence_limited.why) == (1, "File exists")
    assert (ended.checkpoint.verdict, ended.run.harness_errors) == (Verdict.FAILED, ())


LONG = """
@then("it is long")
def it_is_long(observe):
    observe("text", expected="x" * 5000, observed="x" * 5000)
"""


def test_a_long_observation_is_kept_in_full_right_or_wrong(run_feature: RunFeature, folder: Path) -> None:
    ended = run_feature("Scenario: S\n  Then it is long", LONG)
    (observed,) = ended.checkpoint.scenarios[0].observations
    assert (ended.checkpoint.verdict, [*observed.files]) == (Verdict.PASSED, ["expected", "observed"])
    assert (folder / path_of(observed.files["observed"])).read_text(encoding="utf-8") == "x" * 5000


def test_the_moment_is_kept_once_and_before_teardown(run_feature: RunFeature, folder: Path) -> None:
    steps = f"""{ASK}
@given("a look back")
def look_back(observe, request):
    def undo():
        HttpProbe("http://127.0.0.1:1").answers("/undone")
        observe("colour", expected="green", observed="blue")
    request.addfinalizer(undo)
"""
    ended = run_feature("Scenario: S\n  Given a look back\n  When a voter votes\n  Then it is wrong", steps)
    assert "undone" not in kept(ended, folder)["requests and responses"]
    assert len(ended.checkpoint.findings) == 2
