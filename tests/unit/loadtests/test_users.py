"""Real Locust processes against a fake API: every request is sent when due, recorded and checked."""

import time
from collections import Counter
from pathlib import Path

import pytest

from loadtests import generator_stats
from loadtests.records import UNANSWERED, Line, key_of, read
from tests.unit.loadtests.api import Answer, accepted, locust, served, vote_id
from tests.unit.servers import free_port


def lines_of(folder: Path) -> list[Line]:
    return [line for _, line in read(folder)]


def keys_of(folder: Path) -> list[str]:
    return [key_of(process, line.number) for process, line in read(folder) if line.option]


def planned(folder: Path) -> int:
    return sum(one.planned for one in generator_stats.read(folder))


# Locust measures `-t` from its own start, so a run is shorter by its startup time, especially on a busy machine.
SLOW_END_SECONDS = 0.2
"""Time Locust takes to stop its users after the end; requests due meanwhile are planned but not sent."""


def ms(line: Line) -> float:
    return (line.ended - line.intended) * 1000


@pytest.mark.parametrize("processes", [1, 2])
def test_records_match_the_requests_the_server_received(tmp_path: Path, processes: int) -> None:
    spread = ["--processes", str(processes)] if processes > 1 else []
    with served() as api:
        arguments = ["--host", api.url, "--records", str(tmp_path), "-u", "6", "-r", "100", "-t", "2"]
        done = locust(*arguments, *spread, "Voter", "Watcher")
    noted, votes = lines_of(tmp_path), [line for line in lines_of(tmp_path) if line.name == "vote"]
    assert done.returncode == 0, done.stderr
    assert Counter(line.name for line in noted) == {"vote": len(api.votes), "results": api.looks}
    assert len({process for process, _ in read(tmp_path)}) == len(generator_stats.read(tmp_path)) == processes
    assert sorted(zip(keys_of(tmp_path), (line.option for line in votes), strict=True)) == sorted(api.votes)
    assert len(set(api.keys)) == len(api.votes)
    assert {line.option for line in votes} == {"cats", "dogs"}
    assert [str(line.vote_id) for line in votes] == [vote_id(key) for key in keys_of(tmp_path)]
    assert {(line.name, line.status) for line in noted} == {("vote", 201), ("results", 200)}
    assert all(line.intended <= line.sent <= line.ended for line in noted)
    assert 30 < len(noted) <= planned(tmp_path) <= len(noted) + 60 * SLOW_END_SECONDS
    assert api.looks == pytest.approx(len(api.votes), rel=0.2)


def test_requests_stay_due_on_schedule_after_a_slow_response(tmp_path: Path) -> None:
    def stalls_once(key: str, option: str) -> Answer:
        if len(api.votes) == 20:
            time.sleep(1)
        return accepted(key, option)

    with served(stalls_once) as api:
        arguments = ["--host", api.url, "--records", str(tmp_path), "-u", "1", "-t", "4", "--user-rate", "20", "Voter"]
        done = locust(*arguments)
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


def test_requests_not_sent_before_the_end_count_as_planned(tmp_path: Path) -> None:
    def stalls(key: str, option: str) -> Answer:
        time.sleep(1.2)
        return accepted(key, option)

    with served(stalls) as api:
        done = locust("--host", api.url, "--records", str(tmp_path), "-u", "2", "-r", "10", "-t", "3", "Voter")
    assert done.returncode == 0, done.stderr
    assert len(lines_of(tmp_path)) == len(api.votes) <= 6
    assert {line.status for line in lines_of(tmp_path)} == {201}  # requests in flight are awaited
    assert 4 * len(api.votes) < planned(tmp_path) < 64


WRONG = (
    "status 503 Service Unavailable",
    "status 200 OK",
    "status 299",
    "status 201, but the body is not a valid vote receipt",
    "status 201, but for another option",
)


def wrong_answers(key: str, option: str) -> list[Answer]:
    right = accepted(key, option)[1]
    return [(503, {}), (200, right), (299, {}), (201, right | {"vote_id": "7"}), (201, right | {"option": "birds"})]


def test_any_response_that_does_not_promise_to_count_the_vote_is_a_failure(tmp_path: Path) -> None:
    def in_turn(key: str, option: str) -> Answer:
        return wrong_answers(key, option)[len(api.votes) % len(WRONG)]

    with served(in_turn) as api:
        done = locust("--host", api.url, "--records", str(tmp_path), "-u", "3", "-r", "10", "-t", "2", "Voter")
    assert done.returncode == 1
    assert all(f"POST vote: {message}" in done.stderr for message in WRONG)
    noted = lines_of(tmp_path)
    assert {line.status for line in noted} == {503, 200, 299, 201}
    assert {line.vote_id for line in noted} == {None}


def test_a_refused_connection_counts_as_no_response(tmp_path: Path) -> None:
    done = locust("--host", f"http://127.0.0.1:{free_port()}", "--records", str(tmp_path), "-u", "1", "-t", "2", "Voter", "Watcher")
    assert done.returncode == 1
    assert "no response: ConnectionRefusedError" in done.stderr
    assert {(line.status, line.vote_id) for line in lines_of(tmp_path)} == {(UNANSWERED, None)}


def test_impatient_users_retry_with_the_same_key_and_option(tmp_path: Path) -> None:
    def slow_at_first(key: str, option: str) -> Answer:
        if api.keys.count(key) == 1:
            time.sleep(0.6)
        return accepted(key, option)

    with served(slow_at_first) as api:
        done = locust("--host", api.url, "--records", str(tmp_path), "-u", "2", "-r", "10", "-t", "2", "--user-rate", "2", "Impatient")
    noted = lines_of(tmp_path)
    first, again = ([line for line in noted if line.name == name] for name in ("vote", "vote again"))
    assert done.returncode == 1
    assert "no response within 0.25 s" in done.stderr
    assert [line.status for line in first] == [UNANSWERED] * len(first)
    assert all(250 <= (line.ended - line.sent) * 1000 < 400 for line in first)
    assert {line.number: (line.option, 201) for line in first} == {line.number: (line.option, line.status) for line in again}
    assert sorted(api.keys) == sorted(keys_of(tmp_path))
    assert all(count == 2 for count in Counter(api.votes).values())
    assert planned(tmp_path) - len(first) in range(3)  # retries are not scheduled


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--tags", "results"], {"results"}),
        (["--tags", "vote", "impatient"], {"vote"}),
        (["--exclude-tags", "vote", "impatient"], {"results"}),
        (["Mixed"], {"vote", "results"}),
    ],
)
def test_tags_select_tasks(tmp_path: Path, arguments: list[str], names: set[str]) -> None:
    with served() as api:
        done = locust("--host", api.url, "--records", str(tmp_path), "-u", "4", "-r", "10", "-t", "2", *arguments)
    assert done.returncode == 0, done.stderr
    assert {line.name for line in lines_of(tmp_path)} == names
    assert api.looks + len(api.votes) == len(lines_of(tmp_path))


def test_without_a_folder_requests_are_sent_but_not_recorded() -> None:
    with served() as api:
        done = locust("--host", api.url, "-u", "2", "-r", "10", "-t", "2", "Voter")
    assert done.returncode == 0, done.stderr
    assert len(set(api.keys)) == len(api.votes) > 5


def test_a_generator_records_its_own_load(tmp_path: Path) -> None:
    with served() as api:
        before = time.time()
        done = locust("--host", api.url, "--records", str(tmp_path), "-u", "2", "-r", "10", "-t", "4", "Voter")
    (one,) = generator_stats.read(tmp_path)
    assert done.returncode == 0, done.stderr
    assert before < one.began < min(api.moments)
    assert {process for process, _ in read(tmp_path)} == {one.process}
    assert len(one.seconds) >= 2
    assert [second.at for second in one.seconds] == sorted(second.at for second in one.seconds)
    assert all(0 < second.cpu < 1 and 0 <= second.late_ms < 1000 for second in one.seconds)
