"""The voting page and its form, which votes without JavaScript."""

import re
from urllib.parse import urlencode

import httpx
import pytest

from .conftest import Running, Start

pytestmark = pytest.mark.anyio
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def key_of(page: httpx.Response) -> str:
    return re.search(r'name="key" value="(\w+)"', page.text)[1]


async def send(api: Running, key: str = "k1", option: str = "cats", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.client.post("/", content=urlencode({"option": option, "key": key}), headers=FORM | named)


async def test_the_page_offers_the_options_in_order_and_a_new_key_each_time(start: Start) -> None:
    async with start(vote_options=("tea", "coffee")) as api:
        first, second = [await api.client.get("/") for _ in range(2)]
    assert re.findall(r'type="radio" name="option" value="(\w+)"', first.text) == ["tea", "coffee"]
    assert key_of(first) != key_of(second)
    assert first.headers["cache-control"] == "private, no-cache"
    assert "{{" not in first.text


async def test_the_form_votes_and_names_the_receipt(start: Start) -> None:
    async with start() as api:
        key = key_of(await api.client.get("/"))
        answer, again = await send(api, key), await send(api, key)
        [(_, fields)] = api.entries()
        same = await api.vote(Idempotency_Key=key)
    assert (answer.status_code, again.status_code) == (201, 201)
    assert fields[b"option"] == b"cats"
    assert same.json()["vote_id"] in answer.text
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec_Fetch_Site": "same-origin"}, 201),
        ({"Sec_Fetch_Site": "none"}, 201),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Origin": "http://votes.test"}, 201),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://votes.test:8080"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 201),
    ],
)
async def test_a_form_of_another_site_is_refused(start: Start, headers: dict[str, str], status: int) -> None:
    async with start() as api:
        assert (await send(api, **headers)).status_code == status
        assert len(api.entries()) == (status == 201)


@pytest.mark.parametrize("body", ["", "option=cats", "key=k", "option=birds&key=k", "option=cats&key=k&x=1", "option=cats&option=cats&k=1",
                                  "option=cats&key=a+b", "option=cats&key=", "\xff"])  # fmt: skip
async def test_a_form_that_is_not_a_vote_is_refused(start: Start, body: str) -> None:
    async with start() as api:
        answer = await api.client.post("/", content=body.encode("latin-1"), headers=FORM)
        assert api.entries() == []
    assert (answer.status_code, answer.headers["content-type"]) == (422, "text/html; charset=utf-8")
    assert "birds" not in answer.text


async def test_a_key_that_looks_like_html_or_a_placeholder_stays_text(start: Start) -> None:
    async with start() as api:
        answer = await send(api, '{{rows}}"><b>')
    assert answer.status_code == 201
    assert 'value="{{rows}}&quot;&gt;&lt;b&gt;"' in answer.text
    assert "<b>" not in answer.text


async def test_a_key_of_another_option_is_refused(start: Start) -> None:
    async with start() as api:
        await send(api)
        assert (await send(api, option="dogs")).status_code == 422


async def test_without_redis_the_page_keeps_key_and_choice(start: Start) -> None:
    async with start() as api:
        api.redis.execute_command("ACL", "SETUSER", "default", "-xadd", "-eval", "-evalsha")
        try:
            answer = await send(api, "the-key")
        finally:
            api.redis.execute_command("ACL", "SETUSER", "default", "+@all")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert 'value="the-key"' in answer.text
    assert 'value="cats" required checked' in answer.text
    assert "counts only once" in answer.text


async def test_other_types_and_large_bodies_are_refused(start: Start) -> None:
    async with start() as api:
        assert (await api.client.post("/", content="option=cats&key=k", headers={"Content-Type": "text/plain"})).status_code == 415
        assert (await api.client.post("/", content=b"a" * 1_048_577, headers=FORM)).status_code == 413
        answer = await api.client.delete("/")
    assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, {"GET", "HEAD", "POST"})


@pytest.mark.parametrize(("allowed", "told"), [("no", "One vote for each browser"), ("yes", "more than once")])
async def test_the_page_says_whether_a_browser_may_vote_again(start: Start, allowed: str, told: str) -> None:
    async with start(allow_revote=allowed) as api:
        page = (await api.client.get("/")).text
    assert told in page
    assert f'data-revote="{allowed}"' in page


@pytest.mark.parametrize("away", [False, True])
async def test_a_refusal_by_the_limit_is_a_page_that_says_how_long_to_wait_and_keeps_key_and_choice(start: Start, away: bool) -> None:
    async with start(rate_limit="1/minute") as api:
        await api.client.get("/nowhere")
        if away:
            api.redis.execute_command("ACL", "SETUSER", "default", "-eval", "-evalsha")
        try:
            sent, page = await send(api, "the-key"), await api.client.get("/")
            other, json = await api.client.delete("/"), await api.client.get("/api/results")
        finally:
            api.redis.execute_command("ACL", "SETUSER", "default", "+@all")
        assert api.entries() == []
    status = 503 if away else 429
    assert [one.status_code for one in (sent, page, other, json)] == [status] * 4
    kinds = [one.headers["content-type"].partition(";")[0] for one in (sent, page, other, json)]
    assert kinds == ["text/html", "text/html", "application/json", "application/json"]
    assert [one.headers["cache-control"] for one in (sent, page)] == ["no-store"] * 2
    assert 'value="the-key"' in sent.text
    assert 'value="cats" required checked' in sent.text
    assert ("in a minute" if away else f"in {sent.headers['retry-after']} seconds") in sent.text
    assert "Load this page again in" in page.text


async def test_the_limit_refuses_other_types_and_sites_too(start: Start) -> None:
    async with start(rate_limit="1/minute") as api:
        await api.client.get("/nowhere")
        types = [await api.client.post("/", content="{}", headers={"Content-Type": kind}) for kind in ("application/json", "text/plain")]
        large = await api.client.post("/", content=b"a" * 1_048_577, headers=FORM)
        foreign = await send(api, Sec_Fetch_Site="cross-site")
    assert [one.status_code for one in (*types, large, foreign)] == [429] * 4
    assert all("retry-after" in one.headers for one in (*types, large, foreign))


async def test_a_form_that_was_sent_for_another_option_names_the_receipt_of_its_vote(start: Start) -> None:
    async with start() as api:
        first, other, again = await send(api), await send(api, option="dogs"), await send(api)
    receipt = re.search(r"<code>([0-9a-f-]{36})</code>", first.text)[1]
    assert (other.status_code, again.status_code) == (422, 201)
    assert receipt in other.text
    assert receipt in again.text
    assert "That vote stands" in other.text
    assert 'value="k1"' in other.text
