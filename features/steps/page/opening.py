"""Steps that open the voting page in a browser, on good days and on bad ones."""

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from pytest_bdd import given, parsers

from features.support.browsing import HTML_NAME, LIVE, LONGEST_NAME, RECEIPT, RESULTS, RTL_NAME, VOTE, Polls, note_attempts
from validation.probes.running.browser import PLAIN_HOST, Visitor
from validation.targets.base import Api

LOST_REPLIES = 2
LOOKS: dict[str, dict[str, Any]] = {
    "in light colors": {"color_scheme": "light"},
    "in dark colors": {"color_scheme": "dark"},
    "320 pixels wide": {"viewport": {"width": 320, "height": 640}},
    "in dark, 320 pixels wide": {"color_scheme": "dark", "viewport": {"width": 320, "height": 640}},
    "on a projector": {"viewport": {"width": 1920, "height": 1080}},
    "with less motion": {"reduced_motion": "reduce"},
}
SLOW = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 90_000}
"""Milliseconds and bytes per second of a phone."""
FILL = """{
  let size = 1 << 22;
  for (let number = 0; size >= 1; number += 1) {
    try {
      localStorage.setItem(`other-${number}`, "x".repeat(size));
    } catch {
      size >>= 1;
    }
  }
}"""
"""Leaves no room in the storage of the site, as other pages of it may."""
PROBLEM = json.dumps({"detail": "refused"})


@given("the page, open in a browser", target_fixture="visitor")
def opened(polls: Polls) -> Visitor:
    return polls.open(note_attempts(polls), has_touch=True)


@given(parsers.re(f"the page, open in a browser, (?P<how>{'|'.join(LOOKS)})"), target_fixture="visitor")
def opened_looking(polls: Polls, how: str) -> Visitor:
    return polls.open(note_attempts(polls), **LOOKS[how])


@given("the page, open in two tabs of a browser", target_fixture="visitor")
def two_tabs(polls: Polls) -> Visitor:
    return polls.open(note_attempts(polls))


@given("the page, open in a browser, whose first votes arrive and whose replies are lost", target_fixture="visitor")
def replies_lost(polls: Polls) -> Visitor:
    def lose(route: Any) -> None:
        polls.note(route)
        if len(polls.attempts) > LOST_REPLIES:
            route.continue_()
        else:
            route.fetch()
            route.abort("connectionreset")

    return polls.open(lambda page: page.route(VOTE, lose))


@given(parsers.parse("the page, open in a browser, whose first vote meets {day}"), target_fixture="visitor")
def bad_day(polls: Polls, day: str) -> Visitor:
    status = day.split(maxsplit=1)[0]

    def meet(route: Any) -> None:
        polls.note(route)
        if polls.bad and status.isdigit():
            headers = {"Retry-After": "3"} if "for 3 seconds" in day else {}
            route.fulfill(status=int(status), headers=headers, content_type="application/json", body=PROBLEM)
        elif polls.bad and day == "no network":
            route.abort("internetdisconnected")
        else:
            route.continue_()

    def prepare(page: Any) -> None:
        page.route(VOTE, meet)
        if day == "an older API":
            page.route(RECEIPT, lambda route: route.fulfill(status=404, content_type="application/json", body=PROBLEM))

    visitor = polls.open(prepare)
    if day == "no network":
        visitor.do(lambda page: page.context.set_offline(True))
    polls.freezes = day == "no reply for long"
    return visitor


@given(
    parsers.parse("the page, open in a browser, which must wait {seconds:d} seconds before it asks for its receipt again"),
    target_fixture="visitor",
)
def receipt_refused(polls: Polls, seconds: int) -> Visitor:
    def meet(route: Any) -> None:
        polls.asked.append(time.monotonic())
        if len(polls.asked) == 1:
            route.fulfill(status=429, headers={"Retry-After": str(seconds)}, content_type="application/json", body=PROBLEM)
        else:
            route.continue_()

    polls.must_wait = float(seconds)
    return polls.open(lambda page: page.route(RECEIPT, meet))


@given("the page, open in a browser, whose results fail", target_fixture="visitor")
def results_fail(polls: Polls) -> Visitor:
    def prepare(page: Any) -> None:
        for pattern in (RESULTS, LIVE):
            page.route(pattern, lambda route: route.fulfill(status=503, content_type="application/json", body=PROBLEM))

    return polls.open(prepare)


@given("the page, open in a browser, whose event stream is cut", target_fixture="visitor")
def stream_cut(polls: Polls) -> Visitor:
    return polls.open(lambda page: page.route(LIVE, lambda route: route.abort("connectionreset")))


@given("the page, open in a browser, with a clock that can be moved", target_fixture="visitor")
def movable_clock(polls: Polls) -> Visitor:
    return polls.open(lambda page: page.clock.install())


@given("the page, open in a browser, with a clock that is years ahead", target_fixture="visitor")
def wrong_clock(polls: Polls) -> Visitor:
    return polls.open(lambda page: page.clock.install(time="2040-01-01T00:00:00"))


@given("the page of an API with the longest name, 320 pixels wide, whose results hold strange names", target_fixture="visitor")
def strange_names(polls: Polls, start_own: Callable[..., Api]) -> Visitor:
    api = start_own(VOTE_OPTIONS=f"{LONGEST_NAME},b")
    rows = [{"option": name, "count": 9_007_199_254_740_991, "percentage": 33.33} for name in (LONGEST_NAME, HTML_NAME, RTL_NAME)]
    body = json.dumps({"results": rows, "total_votes": 3, "last_updated": "2026-01-01T00:00:00Z"})

    def prepare(page: Any) -> None:
        page.route(LIVE, lambda route: route.abort("connectionreset"))
        page.route(RESULTS, lambda route: route.fulfill(content_type="application/json", body=body))

    return polls.open(prepare, at=api.url, viewport={"width": 320, "height": 640})


@given("the page, open in a browser with a slow connection", target_fixture="visitor")
def slow_connection(polls: Polls) -> Visitor:
    def prepare(page: Any) -> None:
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", SLOW)

    return polls.open(prepare)


@given("the page of an API that allows it, open in a browser", target_fixture="visitor")
def may_vote_again(polls: Polls, start_own: Callable[..., Api]) -> Visitor:
    return polls.open(note_attempts(polls), at=start_own(ALLOW_REVOTE="yes").url)


@given("the page, open in a browser that keeps nothing, since its voter forbids it", target_fixture="visitor")
def keeps_nothing(polls: Polls) -> Visitor:
    return polls.browser.open_blocked(f"{polls.api.url}/", note_attempts(polls))


@given("the page, open in a browser that keeps nothing, since its storage is full", target_fixture="visitor")
def storage_full(polls: Polls) -> Visitor:
    def prepare(page: Any) -> None:
        note_attempts(polls)(page)
        page.add_init_script(FILL)

    return polls.open(prepare)


@given("the page, open in a browser that may write to the clipboard", target_fixture="visitor")
def with_clipboard(polls: Polls) -> Visitor:
    return polls.open(note_attempts(polls), permissions=["clipboard-read", "clipboard-write"])


@given("the page, open in a browser over plain HTTP, which has no clipboard", target_fixture="visitor")
def without_clipboard(polls: Polls) -> Visitor:
    return polls.open(note_attempts(polls), at=f"http://{PLAIN_HOST}:{urlsplit(polls.api.url).port}")
