"""Real Locust processes against an API that answers as it is told: every request is sent at its moment, noted, and judged."""

import time
from collections import Counter
from pathlib import Path

import pytest

from loadtests import generated
from loadtests.records import UNANSWERED, Line, key_of, read
from tests.unit.loadtests.api import Answer, accepted, locust, served, vote_id
from tests.unit.servers import free_port


def lines_of(folder: Path) -> list[Line]:
    return [line for _, line in read(folder)]


def keys_of(folder: Path) -> list[str]:
    return [key_of(process, line.number) for process, line in read(folder) if line.option]


def planned(folder: Path) -> int:
    return sum(one.planned for one in generated.read(folder))


# Locust counts `-t` from its own start: a run is shorter by what that took, the more so on a busy machine.
SLOW_END_SECONDS = 0.2
"""So long does Locust take until it tells its users that the time is up: what is due meanwhile is planned and not sent."""


def ms(line: Line) -> float:
    return (line.ended - line.intended) * 1000


@pytest.mark.parametrize("processes", [1, 2])
def test_every_request_is_noted_as_the_server_saw_it(tmp_path: Path, processes: int) -> None:
    spread = ["--processes", str(processes)] if processes > 1 else []
    with served() as api:
        told = ["--host", api.url, "--records", str(tmp_path), "-u", "6", "-r", "100", "-t", "2"]
        done = locust(*told, *spread, "Voter", "Watcher")
    noted, votes = lines_of(tmp_path), [line for line in lines_of(tmp_path) if line.name == "vote"]
    assert done.returncode == 0, done.stderr
    assert Counter(line.name for line in noted) == {"vote": len(api.votes), "results": api.looks}
    assert len({process for process, _ in read(tmp_path)}) == len(generated.read(tmp_path)) == processes
    assert sorted(zip(keys_of(tmp_path), (line.option for line in votes), strict=True)) == sorted(api.votes)
    assert len(set(api.keys)) == len(api.votes)
    assert {line.option for line in votes} == {"cats", "dogs"}
    assert [str(line.vote_id) for line in votes] == [vote_id(key) for key in keys_of(tmp_path)]
    assert {(line.name, line.status) for line in noted} == {("vote", 201), ("results", 200)}
    assert all(line.intended <= line.sent <= line.ended for line in noted)
    assert 30 < len(noted) <= planned(tmp_path) <= len(noted) + 60 * SLOW_END_SECONDS
    assert api.looks == pytest.approx(len(api.votes), rel=0.2)


def test_a_request_is_due_at_its_moment_however_slow_the_last_one_was(tmp_path: Path) -> None:
    def stalls_once(key: str, option: str) -> Answer:
        if len(api.votes) == 20:
            time.sleep(1)
        return accepted(key, option)

    with served(stalls_once) as api:
        told = ["--host", api.url, "--records", str(tmp_path), "-u", "1", "-t", "4", "--rate-of-a-user", "20", "Voter"]
        done = locust(*told)
    noted = lines_of(tmp_path)
    stalled = noted[19]
    waited = [line for line in noted[20:] if line.intended < stalled.ended]
    assert done.returncode == 0, done.stderr
    assert ms(stalled) > 1000
    assert 18 <= len(waited) <= 21
    assert all(line.sent >= stalled.ended for line in waited)
    assert all(ms(line) >= (stalled.ended - line.intended) * 1000 for line in waited)
    assert sum(ms(line) for line in waited) / len(waited) > 400
    assert len(noted) == len(api.votes)
    assert len(noted) <= planned(tmp_path) <= len(noted) + 20 * SLOW_END_SECONDS


def test_what_could_not_be_sent_before_the_end_was_planned_all_the_same(tmp_path: Path) -> None:
    def stalls(key: str, option: str) -> Answer:
        time.sleep(1.2)
        return accepted(key, option)

    with served(stalls) as api:
        done = locust("--host", api.url, "--records", str(tmp_path), "-u", "2", "-r", "10", "-t", "3", "Voter")
    assert done.returncode == 0, done.stderr
    assert len(lines_of(tmp_path)) == len(api.votes) <= 6
    assert {line.status for line in lines_of(tmp_path)} == {201}  # what was under way is waited for
    assert 4 * len(api.votes) < planned(tmp_path) < 64


WRONG = (
    "answered 503 Service Unavailable",
    "answered 200 OK",
    "answered 299",
    "answered 201 with a body that is no vote",
    "answered 201 for another option",
)


def wrong_answers(key: str, option: str) -> list[Answer]:
    right = accepted(key, option)[1]
    return [(503, {}), (200, right), (299, {}), (201, right | {"vote_id": "7"}), (201, right | {"option": "birds"})]


def test_whatever_is_no_promise_to_count_this_vote_is_a_failure(tmp_path: Path) -> None:
    def in_turn(key: str, option: str) -> Answer:
        return wrong_answers(key, option)[len(api.votes) % len(WRONG)]

    with served(in_turn) as api:
        done = locust("--host", api.url, "--records", str(tmp_path), "-u", "3", "-r", "10", "-t", "2", "Voter")
    assert done.returncode == 1
    assert all(f"POST vote: {said}" in done.stderr for said in WRONG)
    noted = lines_of(tmp_path)
    assert {line.status for line in noted} == {503, 200, 299, 201}
    assert {line.vote_id for line in noted} == {None}


def test_nobody_there_is_no_answer(tmp_path: Path) -> None:
    done = locust("--host", f"http://127.0.0.1:{free_port()}", "--records", str(tmp_path), "-u", "1", "-t", "2", "Voter", "Watcher")
    assert done.returncode == 1
    assert "no answer: ConnectionRefusedError" in done.stderr
    assert {(line.status, line.vote_id) for line in lines_of(tmp_path)} == {(UNANSWERED, None)}


def test_the_impatient_vote_again_with_the_same_key_and_option(tmp_path: Path) -> None:
    def slow_at_first(key: str, option: str) -> Answer:
        if api.keys.count(key) == 1:
            time.sleep(0.6)
        return accepted(key, option)

    with served(slow_at_first) as api:
        done = locust("--host", api.url, "--records", str(tmp_path), "-u", "2", "-r", "10", "-t", "2", "--rate-of-a-user", "2", "Impatient")
    noted = lines_of(tmp_path)
    first, again = ([line for line in noted if line.name == name] for name in ("vote", "vote again"))
    assert done.returncode == 1
    assert "no answer within 0.25 s" in done.stderr
    assert [line.status for line in first] == [UNANSWERED] * len(first)
    assert all(250 <= (line.ended - line.sent) * 1000 < 400 for line in first)
    assert {line.number: (line.option, 201) for line in first} == {line.number: (line.option, line.status) for line in again}
    assert sorted(api.keys) == sorted(keys_of(tmp_path))
    assert all(count == 2 for count in Counter(api.votes).values())
    assert planned(tmp_path) - len(first) in range(3)  # what is asked again is in no schedule


@pytest.mark.parametrize(
    ("told", "names"),
    [
        (["--tags", "results"], {"results"}),
        (["--tags", "vote", "impatient"], {"vote"}),
        (["--exclude-tags", "vote", "impatient"], {"results"}),
        (["Mixed"], {"vote", "results"}),
    ],
)
def test_tags_choose_what_is_done(tmp_path: Path, told: list[str], names: set[str]) -> None:
    with served() as api:
        done = locust("--host", api.url, "--records", str(tmp_path), "-u", "4", "-r", "10", "-t", "2", *told)
    assert done.returncode == 0, done.stderr
    assert {line.name for line in lines_of(tmp_path)} == names
    assert api.looks + len(api.votes) == len(lines_of(tmp_path))


def test_without_a_folder_nothing_is_noted_and_all_is_asked() -> None:
    with served() as api:
        done = locust("--host", api.url, "-u", "2", "-r", "10", "-t", "2", "Voter")
    assert done.returncode == 0, done.stderr
    assert len(set(api.keys)) == len(api.votes) > 5


def test_a_generator_notes_how_busy_it_was(tmp_path: Path) -> None:
    with served() as api:
        before = time.time()
        done = locust("--host", api.url, "--records", str(tmp_path), "-u", "2", "-r", "10", "-t", "4", "Voter")
    (one,) = generated.read(tmp_path)
    assert done.returncode == 0, done.stderr
    assert before < one.began < min(api.moments)
    assert {process for process, _ in read(tmp_path)} == {one.process}
    assert len(one.seconds) >= 2
    assert [second.at for second in one.seconds] == sorted(second.at for second in one.seconds)
    assert all(0 < second.cpu < 1 and 0 <= second.late_ms < 1000 for second in one.seconds)
