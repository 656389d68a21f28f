"""The consumer's log names a vote by its id: every vote at DEBUG, and at every level one with which something went wrong."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from tests.unit.consumer.conftest import Bench

pytestmark = pytest.mark.anyio

REFUSED = uuid.UUID("018f0000-0000-7000-8000-00000000beef")


@pytest.fixture(params=["DEBUG", "INFO", "WARNING"])
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    before = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(request.param))
    yield request.param
    structlog.configure(wrapper_class=before)


def named(events: list[Any]) -> list[tuple[str, str]]:
    return [(line["event"], line["vote_id"]) for line in events if "vote_id" in line]


async def test_a_vote_that_is_counted_is_named_at_debug_only(level: str, bench: Bench, events: list[Any]) -> None:
    vote = uuid.uuid4()
    stream_id = (await bench.cast(vote_id=vote)).decode()
    await bench.consumer().run_once()
    assert named(events) == ([("vote_received", str(vote)), ("vote_counted", str(vote))] if level == "DEBUG" else [])
    assert {line["stream_id"] for line in events if "vote_id" in line} == ({stream_id} if level == "DEBUG" else set())


async def test_a_vote_that_the_database_rejects_is_named_at_every_level(level: str, bench: Bench, events: list[Any]) -> None:
    await bench.sql.execute(f"alter table vote_ledger add constraint refusal check (vote_id <> '{REFUSED}')")
    try:
        await bench.cast(vote_id=REFUSED)
        await bench.consumer(max_retries=1).run_once()
    finally:
        await bench.sql.execute("alter table vote_ledger drop constraint refusal")
    wrong = [line for line in named(events) if line[0] != "vote_received"]
    assert wrong == [(name, str(REFUSED)) for name in ("vote_refused", "malformed_message_detected", "malformed_message_dead_lettered")]
    (line,) = (line for line in events if line["event"] == "vote_refused")
    assert (line["error"], line["log_level"]) == ("CheckViolationError", "warning")
    assert ("vote_received" in {name for name, _ in named(events)}) == (level == "DEBUG")


@pytest.mark.parametrize("request_id", [b"7", b"{018f0000-0000-7000-8000-00000000beef}", b"\xff", str(REFUSED).encode()])
async def test_a_dead_letter_is_named_only_if_its_id_is_one(level: str, bench: Bench, events: list[Any], request_id: bytes) -> None:
    await bench.add({b"option": b"fish", b"timestamp": b"1", b"request_id": request_id})
    await bench.consumer().run_once()
    logged = ("malformed_message_detected", "malformed_message_dead_lettered")
    assert [line["event"] for line in events if line["event"] in logged] == list(logged), level
    assert named(events) == ([(name, str(REFUSED)) for name in logged] if request_id == str(REFUSED).encode() else [])
