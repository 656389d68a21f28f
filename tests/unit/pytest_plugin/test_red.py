"""What plain pytest prints for a scenario that did not pass, as a person at a terminal reads it."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from validation.core.settings import PROJECT

Print = Callable[..., str]
FRAMEWORK = re.compile(r"site-packages|pluggy|pytest_bdd/|validation/pytest_plugin|validation/record|Traceback|fixturefunc|contextlib")
ASK = """
from validation.core.errors import ProbeError
from validation.probes.running.http import HttpProbe

@when("a voter votes")
def votes():
    try:
        HttpProbe("http://127.0.0.1:1").vote("cats", "key-1")
    except ProbeError:
        pass

def _look(observe):
    with observe.together():
        observe("colour\\x1b[2J", expected="green", observed="red", evidence="seen at noon", remedy="paint it")
        observe("size", expected=1, observed=2)

@then("it is all wrong")
def all_wrong(observe):
    _look(observe)
"""
ANSWER = """\
features/a.feature:6  Scenario: Wrong
     7  Given a system
     8  When a voter votes
>    9  Then it is all wrong
    10  And it is right

E colour\\x1b[2J
E   expected  green
E   observed  red
    evidence  seen at noon
    remedy    paint it
    input     POST /api/vote
              Content-Type: application/json
              Idempotency-Key: key-1
              {"option":"cats"}

E size
E   expected  1
E   observed  2
    input     POST /api/vote
              Content-Type: application/json
              Idempotency-Key: key-1
              {"option":"cats"}

  requests and responses
    TIME
    POST /api/vote
    Content-Type: application/json
    Idempotency-Key: key-1

    {"option":"cats"}

    no response: ConnectError: [Errno 111] Connection refused

  own_steps.py:35 in all_wrong
      _look(observe)
  repeat: pytest features -k test_wrong
"""


@pytest.fixture
def printed(project: Callable[..., Path]) -> Print:
    """Return a function that writes a project, runs plain pytest on it, and returns what that prints."""

    def run(scenarios: str, steps: str = "", *options: str, **parts: str) -> str:
        folder = project(scenarios, steps, **parts)
        command = [sys.executable, "-m", "pytest", "features", "--color=no", *options]
        done = subprocess.run(command, cwd=folder, env={"PYTHONPATH": str(PROJECT)}, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    return run


WRONG = "Scenario: Wrong\n  Given a system\n  When a voter votes\n  Then it is all wrong\n  And it is right"


def test_a_finding_is_printed_with_step_line_facts_request_and_response(printed: Print) -> None:
    told = printed(WRONG, ASK)
    told = re.sub(r"20\d\d-\d\d-\d\dT[\d:.]+\+00:00", "TIME", told)
    assert ANSWER in told, told
    assert FRAMEWORK.findall(told.partition("= FAILURES =")[2]) == []


def test_the_short_summary_says_what_is_wrong(printed: Print) -> None:
    assert "FAILED features/test_features.py::test_wrong - colour" in printed(WRONG, ASK, "-o", "console_output_style=classic", "-vv")


def test_the_place_of_the_record_is_printed_at_the_end(printed: Print) -> None:
    told = printed("Scenario: Right\n  Then it is right")
    found = re.search(r"Record: (reports/(\S+)/results.jsonl)\nVerdict and reports: votecheck report reports/(\S+)\n", told)
    assert found, told
    assert found[2] == found[3]


def test_a_step_without_a_definition_is_not_proven_and_has_a_snippet(printed: Print) -> None:
    told = printed("Scenario: S\n  Given a system\n  Then nobody wrote this step")
    assert '>    8  Then nobody wrote this step\n\nE NOT PROVEN: The step "nobody wrote this step" has no definition' in told
    assert '\n@then("nobody wrote this step")\ndef nobody_wrote_this_step(observe: Observe) -> None:\n' in told
    assert "crash" not in told
    assert FRAMEWORK.findall(told.partition("= FAILURES =")[2]) == []


def test_an_error_of_the_harness_is_printed_with_the_frames_of_the_project_alone(printed: Print) -> None:
    steps = """
    def divide():
        return 1 / 0

    @when("it divides")
    def divides():
        divide()
    """
    told = printed("Scenario: S\n  When it divides\n  Then it is right", steps).partition("= FAILURES =")[2]
    assert "E HARNESS ERROR: ZeroDivisionError: division by zero" in told
    assert re.search(r"\n  own_steps.py:\d+ in divides\n      divide\(\)\n  own_steps.py:\d+ in divide\n      return 1 / 0\n", told), told
    assert FRAMEWORK.findall(told) == []


def test_the_full_trace_is_there_for_whoever_asks(printed: Print) -> None:
    assert "site-packages" in printed(WRONG, ASK, "--full-trace")


OUTLINE = """
Scenario Outline: <what> is well
  Then it is right

  Examples:
    | what                                |
    | {"option": "cats", "weight": 2}     |
    | {"option": "cats" , "weight": [2]}  |
    | a key that is not ASCII: é, (none)  |
    | https://vote.example                |
"""


@pytest.mark.parametrize("name", ["option_cats_weight_2", "option_cats_weight_2-2", "a_key_that_is_not_ASCII_none", "https_//vote.example"])
def test_each_row_can_be_selected_by_its_id(printed: Print, name: str) -> None:
    told = printed(OUTLINE, "", "-v", "-k", f"test_what_is_well[{name}]")
    assert f"test_what_is_well[{name}] PASSED" in told
    assert "1 passed, 3 deselected" in told


def test_a_source_after_a_space_is_refused_in_words(printed: Print, tmp_path: Path) -> None:
    told = printed("Scenario: Right\n  Then it is right", "", "--source", str(tmp_path))
    assert f"Write --source={tmp_path}, with = and without a space" in told
    assert "INTERNALERROR" not in told


ON_TARGET = """
import uuid
from validation.probes.running.http import HttpProbe
from validation.probes.running.stream import StreamProbe

@when("a voter votes on the target")
def votes_there(target):
    target.ensure_consumer()
    HttpProbe(target.api.url).vote("cats", str(uuid.uuid4()))
    StreamProbe(target.redis.url).wait_until_drained(within=20.0)

@when("Redis is frozen")
def frozen(target, request):
    request.addfinalizer(target.redis.restore)
    target.redis.pause()
"""


def test_on_a_running_target_entry_row_and_log_lines_of_the_vote_are_printed(printed: Print) -> None:
    told = printed("Scenario: S\n  When a voter votes on the target\n  Then it is wrong", ON_TARGET)
    (vote, entry) = re.findall(r'"stream_id":"([^"]+)","vote_id":"([^"]+)"', told)[0][::-1]
    entries, _, rest = told.partition("  stream entries\n")[2].partition("  database rows\n")
    rows, _, lines = rest.partition("  log lines\n")
    assert f'{entry} {{"option": "cats"' in entries
    assert f'"request_id": "{vote}"' in entries
    assert f'"vote_id": "{vote}", "option": "cats"' in rows
    assert '"route":"/api/vote","status":201' in lines
    assert told.index("requests and responses") < told.index("stream entries")


def test_a_server_that_does_not_answer_is_said_and_the_rest_is_printed(printed: Print) -> None:
    told = printed("Scenario: S\n  When a voter votes on the target\n  And Redis is frozen\n  Then it is wrong", ON_TARGET)
    assert "E colour\nE   expected  green\nE   observed  red\n" in told
    assert "  stream entries\n    The stream entries could not be read: Cannot read the stream" in told
    assert "== database postgres" in told
