import asyncio
import json
import uuid
from collections.abc import AsyncIterator

import pytest

from system.api.body import LIMIT_BYTES
from system.api.votes import KEY_NAMESPACE
from system.contract import decode

from .conftest import IDEMPOTENCY_TTL, Start

pytestmark = pytest.mark.anyio
VALID = b'{"option": "cats"}'


async def test_an_accepted_vote_is_one_entry_that_follows_the_contract(start: Start) -> None:
    async with start() as api:
        answer = await api.vote()
        [(stream_id, fields)] = api.entries()
    vote = decode(fields)
    assert answer.status_code == 201
    assert answer.json() == {
        "message": "Vote accepted",
        "option": "cats",
        "stream_id": stream_id.decode(),
        "vote_id": vote.vote_id,
    }
    assert vote.option == "cats"
    assert uuid.UUID(vote.vote_id).version == 7
    assert abs(vote.timestamp - int(stream_id.split(b"-")[0])) < 5000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"cats"',
        b"{}",
        b'{"option": "birds"}',
        b'{"option": "Cats"}',
        b'{"option": ""}',
        b'{"option": 1}',
        b'{"option": true}',
        b'{"option": null}',
        b'{"option": ["cats"]}',
        b'{"option": {"option": "cats"}}',
        b'{"option": NaN}',
        b'{"option": Infinity}',
        b'{"option": 1e400}',
        b'{"option": "cats", "extra": 1}',
        b'{"extra": "cats"}',
        b'{"option": "cats", "option": "dogs"}',
        b'{"option": "cats", "option": "cats"}',
        b'{"option": "cats", "\\u006fption": "cats"}',
        b'{"option": "\\ud800"}',
        b'{"option": "\\udc00\\ud800"}',
        b'{"option": "\xed\xa0\x80"}',
        b'{"option": "\xff"}',
        b'{"option": "ca\x00ts"}',
        b'{"option": "cats"}\x00',
        b'{"option": "cats"} {"option": "cats"}',
        b'{"option": "cats",}',
        b"{'option': 'cats'}",
        b"option=cats",
        b"\xef\xbb\xbf" + VALID,
        VALID.decode().encode("utf-16"),
        VALID.decode().encode("utf-16-le"),
        VALID.decode().encode("utf-16-be"),
        VALID.decode().encode("utf-32"),
        VALID.decode().encode("utf-32-le"),
        b'{"option": ' + b"[" * 100_000,
        b'{"deep": ' + b'{"a":' * 100_000,
        b"x" * LIMIT_BYTES,
    ],
    ids=lambda body: repr(body[:40]),
)
async def test_an_invalid_vote_is_rejected_and_adds_no_entry(start: Start, body: bytes) -> None:
    async with start() as api:
        answer = await api.vote(body)
        assert answer.status_code == 422
        assert list(answer.json()) == ["detail"]
        assert api.entries() == []


@pytest.mark.parametrize(
    "body",
    [b' {\n"option"\t:\r"dogs" } ', b'{"\\u006fption": "do\\u0067s"}', b'{"option": "dogs"}'.ljust(LIMIT_BYTES)],
    ids=["white space", "escapes", "exactly 1 MiB"],
)
async def test_equivalent_json_is_accepted(start: Start, body: bytes) -> None:
    async with start() as api:
        assert (await api.vote(body)).json()["option"] == "dogs"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "", None])
async def test_other_content_types_are_rejected(start: Start, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    async with start() as api:
        answer = await api.client.post("/api/vote", content=VALID, headers=headers)
        assert answer.status_code == 415
        assert api.entries() == []


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON ; charset=utf-8"])
async def test_content_type_parameters_are_ignored(start: Start, content_type: str) -> None:
    async with start() as api:
        assert (await api.vote(Content_Type=content_type)).status_code == 201


async def _chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(0, size, 65_536):
        yield b" " * 65_536


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (VALID.ljust(LIMIT_BYTES + 1), {}),
        (VALID, {"Content_Length": str(LIMIT_BYTES + 1)}),
        (_chunks(LIMIT_BYTES + 1), {}),
        (VALID.ljust(LIMIT_BYTES + 1), {"Content_Length": "17"}),
    ],
    ids=["announced", "announced only", "chunked", "lying"],
)
async def test_a_body_over_one_mebibyte_is_rejected(start: Start, body: bytes | AsyncIterator[bytes], headers: dict[str, str]) -> None:
    async with start() as api:
        answer = await api.vote(body, **headers)
        assert answer.status_code == 413
        assert answer.headers["connection"] == "close"
        assert api.entries() == []


async def test_a_repeated_key_counts_once_and_gets_the_same_response(start: Start) -> None:
    async with start() as api:
        first, again = await api.vote(Idempotency_Key="k~1"), await api.vote(Idempotency_Key="k~1")
        assert first.status_code == again.status_code == 201
        assert first.json() == again.json()
        assert first.json()["vote_id"] == str(uuid.uuid5(KEY_NAMESPACE, "k~1"))
        assert len(api.entries()) == 1
        [memory] = api.redis.keys("votes:key:*")
        assert 0 < api.redis.ttl(memory) <= IDEMPOTENCY_TTL


async def test_the_namespace_of_vote_ids_never_changes() -> None:
    assert str(uuid.uuid5(KEY_NAMESPACE, "a")) == "2760a02f-43e8-5b21-8d1f-cf8d0c3d4d6a"


async def test_a_key_sent_many_times_at_once_counts_once(start: Start) -> None:
    async with start() as api:
        answers = await asyncio.gather(*(api.vote(Idempotency_Key="same") for _ in range(50)))
        assert {answer.json()["stream_id"] for answer in answers} == {api.entries()[0][0].decode()}
        assert len(api.entries()) == 1


async def test_a_key_reused_for_another_option_is_rejected(start: Start) -> None:
    async with start() as api:
        await api.vote(Idempotency_Key="k")
        other = await api.vote(b'{"option": "dogs"}', Idempotency_Key="k")
        assert (other.status_code, len(api.entries())) == (422, 1)


async def test_keys_work_after_redis_loses_its_scripts(start: Start) -> None:
    async with start() as api:
        first = await api.vote(Idempotency_Key="k")
        api.redis.script_flush()
        assert (await api.vote(Idempotency_Key="k")).json() == first.json()


@pytest.mark.parametrize("key", ["!", "~", "x" * 255])
async def test_a_key_may_contain_all_visible_ascii(start: Start, key: str) -> None:
    async with start() as api:
        assert (await api.vote(Idempotency_Key=key)).status_code == 201


@pytest.mark.parametrize("keys", [[b""], [b"x" * 256], [b"a b"], [b"a\tb"], [b"\xc3\xa9"], [b"\x7f"], [b"a", b"a"], [b"a", b"b"]])
async def test_a_malformed_key_is_rejected(start: Start, keys: list[bytes]) -> None:
    headers = [(b"Content-Type", b"application/json"), *((b"Idempotency-Key", key) for key in keys)]
    async with start() as api:
        answer = await api.client.post("/api/vote", content=VALID, headers=headers)
        assert (answer.status_code, api.entries()) == (400, [])


async def test_votes_at_the_same_time_each_get_their_own_entry(start: Start) -> None:
    async with start() as api:
        answers = await asyncio.gather(*(api.vote(json.dumps({"option": ("cats", "dogs")[i % 2]}).encode()) for i in range(100)))
        given = {(answer.json()["stream_id"], answer.json()["vote_id"], answer.json()["option"]) for answer in answers}
        stored = {(key.decode(), str(decode(fields).vote_id), decode(fields).option) for key, fields in api.entries()}
    assert given == stored
    assert len(given) == 100


async def test_the_options_are_a_setting(start: Start) -> None:
    async with start(vote_options=("tea", "coffee")) as api:
        assert (await api.vote(b'{"option": "tea"}')).status_code == 201
        assert (await api.vote(b'{"option": "cats"}')).status_code == 422
