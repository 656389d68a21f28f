"""The request log names a vote by its id: every vote at DEBUG, and at every level one that was answered with a 5xx."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import structlog
from structlog.testing import capture_logs

from system.api.votes import KEY_NAMESPACE
from system.contract import STREAM
from tests.unit.api.conftest import Start

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["DEBUG", "INFO"])
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    before = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(request.param))
    yield request.param
    structlog.configure(wrapper_class=before)


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with capture_logs() as captured:
        yield captured


def named(lines: list[Any]) -> list[tuple[str, str]]:
    return [(line["event"], line["vote_id"]) for line in lines if "vote_id" in line]


@pytest.mark.parametrize("headers", [{}, {"Idempotency_Key": "mine"}])
async def test_an_accepted_vote_is_named_at_debug_only(level: str, lines: list[Any], start: Start, headers: dict[str, str]) -> None:
    async with start() as api:
        accepted = (await api.vote(**headers)).json()
    assert named(lines) == ([("request", accepted["vote_id"])] if level == "DEBUG" else [])


async def test_what_never_got_an_id_is_not_named(level: str, lines: list[Any], start: Start) -> None:
    async with start() as api:
        for body in (b'{"option": "fish"}', b"{", b'{"option": "cats", "more": 1}'):
            assert (await api.vote(body)).status_code == 422
        await api.client.get("/api/results")
    assert (named(lines), len(lines)) == ([], 4), level


async def test_a_vote_that_redis_refuses_is_named_in_both_lines(level: str, lines: list[Any], start: Start) -> None:
    async with start() as api:
        api.redis.config_set("maxmemory", 1)
        try:
            assert (await api.vote(Idempotency_Key="mine")).status_code == 503
        finally:
            api.redis.config_set("maxmemory", 0)
        again = (await api.vote(Idempotency_Key="mine")).json()["vote_id"]
    assert named(lines)[:2] == [("redis_unavailable", again), ("request", again)], level
    assert UUID(again).version == 5
    assert str(KEY_NAMESPACE) not in str(lines)


async def test_a_vote_on_which_the_api_fails_is_named_in_both_lines(level: str, lines: list[Any], start: Start) -> None:
    async with start() as api:
        api.redis.set(STREAM, "not a stream")
        assert (await api.vote()).status_code == 500
    assert [event for event, _ in named(lines)] == ["request_failed", "request"], level
    assert len({vote for _, vote in named(lines)}) == 1
