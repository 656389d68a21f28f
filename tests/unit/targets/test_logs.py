import os
from pathlib import Path

from validation.targets import logs


def test_only_what_was_added_since_is_kept_below_the_name_of_its_log(tmp_path: Path) -> None:
    (tmp_path / "api-1.1.log").write_text("before\n")
    (tmp_path / "consumer-2.1.log").write_text("before\n")
    before = logs.sizes(tmp_path)
    with (tmp_path / "api-1.1.log").open("a") as log:
        log.write("after\n")
    (tmp_path / "consumer-3.1.log").write_bytes(b"new \xff\n")
    (tmp_path / "heartbeat").touch()
    assert logs.since(tmp_path, before) == "== api-1.1\nafter\n\n== consumer-3.1\nnew \\xff\n"


def test_a_long_log_is_cut_at_its_beginning_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "api-1.1.log").write_text("x" * 10 + "y" * logs.BYTES_MAX)
    assert logs.since(tmp_path, {}) == "== api-1.1\n… (10 bytes before this)\n" + "y" * logs.BYTES_MAX


def test_of_many_logs_the_latest_are_kept(tmp_path: Path) -> None:
    for number in range(logs.LOGS_MAX + 5):
        log = tmp_path / f"consumer-{number}.1.log"
        log.write_text("line\n")
        os.utime(log, (number, number))
    kept = [line for line in logs.since(tmp_path, {}).splitlines() if line.startswith("==")]
    assert sorted(kept) == sorted(f"== consumer-{number}.1" for number in range(5, logs.LOGS_MAX + 5))


def test_a_log_that_did_not_grow_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "api-1.1.log").write_text("before\n")
    assert logs.since(tmp_path, logs.sizes(tmp_path)) == ""
