"""Steps with the form of the page, which votes without JavaScript."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pytest_bdd import given, parsers, then, when

from features.support.browsing import Cast, Polls, added
from features.support.links import LIMIT_KEYS, REACHED_SECONDS, REDIS, Links
from validation.core.waiting import eventually
from validation.probes.running.browser import Visitor
from validation.probes.running.http import HttpProbe
from validation.record.observe import Observe
from validation.targets.base import Api

TOO_MANY, LONGEST_WAIT = 429, 60
HTML = "text/html"
OBSTACLES = "and the reply of Redis is lost", "while Redis is away", "when the limit is reached", "and changes it with the Back button"
LOST, AWAY, LIMITED, CHANGED = OBSTACLES
REMEDY = "system/api/page.py"


@dataclass(frozen=True, slots=True)
class Sent:
    """The answer to a form that was sent.

    Attributes:
        key: the hidden key of the form.
        status: the status of the answer.
        headers: its headers.
    """

    key: str
    status: int
    headers: dict[str, str]


@given("the page, open in a browser without JavaScript", target_fixture="visitor")
def without_script(polls: Polls) -> Visitor:
    return polls.open(java_script_enabled=False)


@given("the page of an API with a limit, open in a browser without JavaScript", target_fixture="visitor")
def limited(polls: Polls, limited_api: Api) -> Visitor:
    polls.let_expire(LIMIT_KEYS)
    return polls.open(at=limited_api.url, java_script_enabled=False)


@when('a voter votes for "cats" and sends the form again by a reload', target_fixture="cast")
def form_twice(polls: Polls, visitor: Visitor) -> Cast:
    before = polls.counts()
    _send(visitor, "cats")
    visitor.do(lambda page: page.reload())
    return Cast("cats", before)


@pytest.fixture
def sent() -> list[Sent]:
    """The answers to the forms of a scenario."""
    return []


@when(parsers.re(f'a voter sends a vote for "cats" (?P<obstacle>{"|".join(OBSTACLES)})'), target_fixture="cast")
def against(polls: Polls, visitor: Visitor, links: Links, obstacle: str, sent: list[Sent]) -> Cast:
    before, redis = polls.counts(), links.proxies[REDIS]
    if obstacle == LIMITED:
        http = HttpProbe(visitor.url.rstrip("/"))
        eventually(lambda: http.send("GET", "/nowhere").status, lambda status: status == TOO_MANY, within=REACHED_SECONDS)
    elif obstacle == AWAY:
        redis.refuse(True)
        redis.reset()
    if obstacle == LOST:
        cut = links.cut_reply(REDIS)
        sent.append(_send(visitor, "cats", lambda: cut.drop() if cut.wait(REACHED_SECONDS).held else None))
    else:
        sent.append(_send(visitor, "cats"))
    if obstacle == CHANGED:
        visitor.do(lambda page: page.go_back())
        sent.append(_send(visitor, "dogs"))
    return Cast("cats", before)


@then(parsers.parse("the answer is a page with status {status:d}, which says {words} and keeps the key"))
def answered(visitor: Visitor, sent: list[Sent], status: int, words: str, observe: Observe) -> None:
    answer, says = sent[-1], visitor.do(lambda page: page.locator("body").inner_text())
    waits = [int(seconds) for seconds in re.findall(r"(\d+) seconds?:", says)]
    with observe.together():
        observe("status of the answer", expected=status, observed=answer.status, remedy=REMEDY)
        observe("Content-Type of the answer", expected=HTML, observed=answer.headers.get("content-type", "").partition(";")[0],
                remedy="system/api/rate_limit.py")  # fmt: skip
        observe("what the page says", expected=words, observed=says, holds=words in says, remedy=REMEDY, picture=visitor.picture())
        observe("key of the form", expected=answer.key, observed=_key(visitor), remedy=REMEDY)
        if status == TOO_MANY:
            asked = int(answer.headers.get("retry-after", "-1"))
            observe("seconds to wait, as the page says", expected=[asked], observed=waits, remedy=REMEDY,
                    holds=waits == [asked] and 0 < asked <= LONGEST_WAIT)  # fmt: skip


@then(parsers.parse('the page itself cannot be loaded then, which it says with status {status:d} and "{words}"'))
def not_shown(visitor: Visitor, status: int, words: str, observe: Observe) -> None:
    http = HttpProbe(visitor.url.rstrip("/"))
    answer, head = http.send("GET", "/"), http.send("HEAD", "/")
    with observe.together():
        observe("statuses of the page, and of its head", expected=[status, status], observed=[answer.status, head.status], remedy=REMEDY)
        observe("Content-Type of the page", expected=HTML, observed=answer.headers.get("content-type", "").partition(";")[0], remedy=REMEDY)
        observe("what the page says", expected=words, observed=answer, holds=words.encode() in answer.body, remedy=REMEDY)


@when("the obstacle is gone, and the voter chooses cats on that page")
def again(polls: Polls, visitor: Visitor, links: Links, sent: list[Sent]) -> None:
    links.heal()
    polls.let_expire(LIMIT_KEYS)
    sent.append(_send(visitor, "cats"))


@then("the page names the receipt of the accepted vote")
def form_receipt(polls: Polls, visitor: Visitor, observe: Observe) -> None:
    told = json.loads(visitor.do(lambda page: page.locator("#form").get_attribute("data-vote")) or "{}")
    body = visitor.do(lambda page: page.locator("main").inner_text())
    known = polls.http.send("GET", f"/api/votes/{told.get('id')}").json() or {}
    with observe.together():
        observe("address after the form was sent", expected=f"{visitor.url}?sent", observed=visitor.do(lambda page: page.url))
        observe("what the page says", expected="is accepted, with the receipt", observed=body, picture=visitor.picture(),
                holds=bool(told) and "is accepted" in body and told["id"] in body)  # fmt: skip
        observe("what the API knows of it", expected="accepted or counted", observed=known.get("state"),
                holds=known.get("state") in {"accepted", "counted"})  # fmt: skip


@then("the vote of the form is counted once, although the form was sent twice")
def form_once(polls: Polls, cast: Cast, observe: Observe) -> None:
    observe("votes that were counted", expected={cast.option: 1}, observed=added(polls, cast.before, {cast.option: 1}), remedy=REMEDY)


def _send(visitor: Visitor, option: str, meanwhile: Callable[[], object] = lambda: None) -> Sent:
    """Choose an option, press the button and wait for the answer."""

    def press(page: Any) -> Sent:
        page.get_by_label(option, exact=True).check()
        key = page.locator("input[name=key]").get_attribute("value")
        with page.expect_navigation() as navigation:
            page.get_by_role("button", name="Vote", exact=True).click(no_wait_after=True)
            meanwhile()
        answer = navigation.value
        return Sent(key, answer.status, answer.headers)

    return visitor.do(press)


def _key(visitor: Visitor) -> str:
    return str(visitor.do(lambda page: page.locator("input[name=key]").get_attribute("value")))
