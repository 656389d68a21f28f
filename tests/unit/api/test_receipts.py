"""GET /api/votes/{vote_id}: what became of a vote."""

import asyncio
import uuid
from datetime import UTC, datetime

import pytest

from system.api import receipts
from system.api.receipts import READ_EVERY_SECONDS
from system.db.store import CountedVote

from .conftest import Start

pytestmark = pytest.mark.anyio
MOMENT = datetime(2026, 11, 30, 12, 0, 7, tzinfo=UTC)


async def test_a_vote_is_accepted_and_then_counted(start: Start) -> None:
    async with start() as api:
        vote_id = (await api.vote(Idempotency_Key="k1")).json()["vote_id"]
        before = await api.client.get(f"/api/votes/{vote_id}", headers={"Idempotency-Key": "k1"})
        api.store.ledger[vote_id] = CountedVote("cats", MOMENT)
        after = await api.client.get(f"/api/votes/{vote_id}", headers={"Idempotency-Key": "k1"})
    assert before.json() == {"vote_id": vote_id, "state": "accepted", "counted_at": None, "option": "cats"}
    assert after.json() == {"vote_id": vote_id, "state": "counted", "counted_at": "2026-11-30T12:00:07Z", "option": "cats"}
    assert before.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "another"}])
@pytest.mark.parametrize("counted", [False, True])
async def test_only_whoever_has_the_key_is_told_the_option(start: Start, headers: dict[str, str], counted: bool) -> None:
    async with start() as api:
        vote_id = (await api.vote(Idempotency_Key="k1")).json()["vote_id"]
        if counted:
            api.store.ledger[vote_id] = CountedVote("cats", MOMENT)
        answer = await api.client.get(f"/api/votes/{vote_id}", headers=headers)
    assert (answer.status_code, answer.json()["state"], answer.json()["option"]) == (200, "counted" if counted else "accepted", None)


async def test_an_id_of_no_vote_is_unknown(start: Start) -> None:
    async with start() as api:
        answer = await api.client.get(f"/api/votes/{uuid.uuid4()}")
    assert (answer.status_code, answer.json()["state"]) == (200, "unknown")


@pytest.mark.parametrize("text", ["7", "{6f1d0f0e-5f0c-5d55-9a3b-3f1f0b8f2c57}", "6F1D0F0E-5F0C-5D55-9A3B-3F1F0B8F2C57", "%C3%A9", "*"])
async def test_a_malformed_id_is_refused_and_not_repeated(start: Start, text: str) -> None:
    async with start() as api:
        answer = await api.client.get(f"/api/votes/{text}")
        assert api.store.reads == 0
    assert (answer.status_code, answer.json()) == (422, {"detail": "The vote id must be a UUID in canonical form"})


async def test_a_malformed_key_is_refused(start: Start) -> None:
    async with start() as api:
        assert (await api.client.get(f"/api/votes/{uuid.uuid4()}", headers={"Idempotency-Key": "two words"})).status_code == 400


async def test_500_voters_cause_two_reads_and_each_gets_its_own_answer(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "DEADLINE_SECONDS", 60)  # the 500 share one thread with the API here
    ids = [str(uuid.uuid4()) for _ in range(500)]
    async with start() as api:
        api.store.ledger.update({one: CountedVote("cats", MOMENT) for one in ids[::2]})
        answers = await asyncio.gather(*(api.client.get(f"/api/votes/{one}") for one in ids))
        assert api.store.reads <= 2
    assert [(one.json()["vote_id"], one.json()["state"]) for one in answers] == [
        (vote_id, "unknown" if number % 2 else "counted") for number, vote_id in enumerate(ids)
    ]


async def test_reads_keep_their_distance(start: Start) -> None:
    async with start() as api:
        began = asyncio.get_running_loop().time()
        for _ in range(3):
            await api.client.get(f"/api/votes/{uuid.uuid4()}")
        assert api.store.reads == 3
        assert asyncio.get_running_loop().time() - began >= 2 * READ_EVERY_SECONDS - 0.02


async def test_without_the_database_the_state_is_not_known(start: Start) -> None:
    async with start() as api:
        vote_id = (await api.vote(Idempotency_Key="k1")).json()["vote_id"]
        api.store.failure = TimeoutError()
        answer = await api.client.get(f"/api/votes/{vote_id}")
        api.store.failure = None
        assert (await api.client.get(f"/api/votes/{vote_id}")).status_code == 200
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_the_rate_limit_holds_and_counts_by_the_route(start: Start) -> None:
    async with start(rate_limit="1/hour") as api:
        statuses = [(await api.client.get(f"/api/votes/{uuid.uuid4()}")).status_code for _ in range(2)]
        metrics = (await api.client.get("/metrics")).text
    assert statuses == [200, 429]
    assert 'api_requests_total{route="/api/votes/{vote_id}",status="429"} 1.0' in metrics
