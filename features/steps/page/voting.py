"""Steps that vote in a browser, and that compare what the page says with what the system knows."""

from itertools import pairwise
from typing import Any

import pytest
from pytest_bdd import parsers, then, when

from features.support.browsing import Cast, Polls, added, receipt, vote
from validation.core.collections import every
from validation.probes.running.browser import Visitor
from validation.record.observe import Observe

REMEDY = "system/api/web/vote.js"
COUNTED_SECONDS, SLOW_SECONDS = 12.0, 8.0
EARLY_SECONDS = 0.5
"""By which a request may be noted late, and the next one in time."""
AN_OLDER_API_SAYS = "this page says when"
"""It takes the vote, and the page cannot learn when it is counted."""
FOCUS = "document.activeElement?.id"


@pytest.fixture
def second_tab(polls: Polls, visitor: Visitor) -> Visitor:
    """A second tab of the visitor's browser."""
    return polls.browser.open_tab(visitor)


@when(parsers.re(r'a voter votes for "(?P<option>\w+)" by (?P<means>mouse|the keyboard|touch)'), target_fixture="cast")
@when(parsers.re(r'a voter votes for "(?P<option>\w+)" by (?P<means>two quick clicks)'), target_fixture="cast")
def votes_by(polls: Polls, visitor: Visitor, option: str, means: str) -> Cast:
    before = polls.counts()

    def by_keyboard(page: Any) -> None:
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowDown" if option == "dogs" else "Space")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")

    def by_touch(page: Any) -> None:
        page.get_by_label(option, exact=True).tap()
        page.get_by_role("button", name="Vote", exact=True).tap()

    def by_two_clicks(page: Any) -> None:
        page.get_by_label(option, exact=True).check()
        page.get_by_role("button", name="Vote", exact=True).dblclick()

    ways = {"the keyboard": by_keyboard, "touch": by_touch, "two quick clicks": by_two_clicks}
    if means in ways:
        visitor.do(ways[means])
    else:
        vote(visitor, option)
    return Cast(option, before)


@when(parsers.parse('the voter votes for "{option:w}"'), target_fixture="cast")
def simply_votes(polls: Polls, visitor: Visitor, option: str) -> Cast:
    before = polls.counts()
    if polls.freezes:
        polls.api.process.pause()
    vote(visitor, option)
    return Cast(option, before)


@when(
    parsers.re(r'a voter votes for "(?P<option>\w+)"(?P<more> in the first tab| while the consumer is frozen| and waits)'),
    target_fixture="cast",
)
def votes(polls: Polls, visitor: Visitor, request: pytest.FixtureRequest, option: str, more: str) -> Cast:
    before = polls.counts()
    if more == " in the first tab":
        request.getfixturevalue("second_tab")
    if more == " while the consumer is frozen":
        polls.consumer.pause()
    vote(visitor, option)
    return Cast(option, before)


@when(parsers.re(r'a voter votes for "(?P<option>\w+)" and reloads the page'), target_fixture="cast")
def votes_and_reloads(polls: Polls, visitor: Visitor, option: str) -> Cast:
    before = polls.counts()
    vote(visitor, option)
    visitor.wait("message", "no reply")
    visitor.do(lambda page: page.reload())
    return Cast(option, before)


@when("the page is loaded again")
def reloaded(visitor: Visitor) -> None:
    visitor.do(lambda page: page.reload())


@when("the consumer goes on counting")
def counting(polls: Polls) -> None:
    polls.consumer.resume()


@when(parsers.re(r'a voter votes for "(?P<first>\w+)", and then again for "(?P<second>\w+)"'), target_fixture="cast")
def votes_twice(polls: Polls, visitor: Visitor, first: str, second: str) -> Cast:
    before = polls.counts()
    vote(visitor, first)
    visitor.wait("message", "is counted")
    if visitor.do(lambda page: page.get_by_role("button", name="Vote again").count()):  # if not, the next step finds one vote
        visitor.do(lambda page: page.get_by_role("button", name="Vote again").click())
        vote(visitor, second)
    return Cast(second, before)


@then(parsers.re("the page says that this vote is counted, with a receipt that the API knows(?P<focus>, and the message has the focus)?"))
def says_counted(polls: Polls, visitor: Visitor, cast: Cast, focus: str | None, observe: Observe) -> None:
    says = visitor.wait("message", "is counted", COUNTED_SECONDS)
    shown = receipt(visitor)
    known = polls.http.send("GET", f"/api/votes/{shown}").json() or {}
    with observe.together():
        observe("what the page says", expected=f"Your vote for {cast.option} is counted", observed=says,
                holds=says.startswith(f"Your vote for {cast.option} is counted"), remedy=REMEDY, picture=visitor.picture())  # fmt: skip
        observe("what the API knows of the receipt", expected="counted", observed=known.get("state"), evidence=shown)
        if focus:
            observe("element with the focus", expected="message", observed=visitor.do(lambda page: page.evaluate(FOCUS)), remedy=REMEDY)


@then("the page says accepted, and not that the vote is counted")
def says_accepted(visitor: Visitor, cast: Cast, observe: Observe) -> None:
    says = visitor.wait("message", "is accepted")
    with observe.together():
        observe("what the page says", expected=f"Your vote for {cast.option} is accepted", observed=says, remedy=REMEDY,
                holds=says.startswith(f"Your vote for {cast.option} is accepted"), picture=visitor.picture())  # fmt: skip
        current = visitor.do(lambda page: page.locator("[aria-current=step]").inner_text())
        observe("the step that is marked", expected="Accepted", observed=current)


@then("the second tab says without a reload that this vote is counted, and offers no other")
def second_tab_says(visitor: Visitor, second_tab: Visitor, cast: Cast, observe: Observe) -> None:
    says = second_tab.wait("message", "is counted", COUNTED_SECONDS)
    button = second_tab.do(lambda page: page.get_by_role("button", name="Vote", exact=True).count())
    with observe.together():
        observe("what the second tab says", expected=f"Your vote for {cast.option} is counted", observed=says,
                holds=says.startswith(f"Your vote for {cast.option} is counted"), remedy="system/api/web/app.js")  # fmt: skip
        observe("buttons to vote in it", expected=0, observed=button)
        observe("receipt in it", expected=receipt(visitor), observed=receipt(second_tab))


@then("the page had waited as long before it asked for its receipt again")
def waited(polls: Polls, observe: Observe) -> None:
    asked = polls.asked
    first = round(asked[1] - asked[0], 1) if len(asked) > 1 else None
    observe("seconds between the first two questions for the receipt", expected=f"at least {polls.must_wait:g}", observed=first,
            holds=first is not None and first >= polls.must_wait - EARLY_SECONDS, remedy=REMEDY)  # fmt: skip


@then("exactly that vote is counted")
def exactly_one(polls: Polls, cast: Cast, observe: Observe) -> None:
    observe("votes that were counted", expected={cast.option: 1}, observed=added(polls, cast.before, {cast.option: 1}), remedy=REMEDY)


@then("every attempt had the same key")
def same_key(polls: Polls, observe: Observe) -> None:
    with observe.together():
        observe("attempts", expected="at least two", observed=len(polls.attempts), holds=len(polls.attempts) > 1)
        observe("different keys of the attempts", expected=1, observed=len(polls.keys), remedy=REMEDY)


@then(parsers.re("the page says (?P<words>.+), and offers (?P<way>another try|the form|nothing else)"), target_fixture="words")
def says_words(visitor: Visitor, words: str, way: str, observe: Observe) -> str:
    says = visitor.wait("message", words, SLOW_SECONDS)
    buttons = visitor.do(lambda page: [one.inner_text() for one in page.get_by_role("button").all()])
    expected = {"another try": "Try again now", "the form": "Vote"}.get(way)
    with observe.together():
        observe("what the page says", expected=words, observed=says, holds=words in says, remedy=REMEDY, picture=visitor.picture())
        offered = [one for one in buttons if one in {"Try again now", "Vote"}]
        observe("buttons", expected=[expected] if expected else [], observed=offered, remedy=REMEDY)
    return words


@then("nothing is counted before the day gets better, and afterwards exactly that vote")
def better_day(polls: Polls, visitor: Visitor, cast: Cast, words: str, observe: Observe) -> None:
    reaches = polls.freezes or words == AN_OLDER_API_SAYS
    early = {} if reaches else added(polls, cast.before, {})
    polls.bad = False
    polls.api.process.resume()
    visitor.do(lambda page: page.context.set_offline(False))
    if visitor.do(lambda page: page.get_by_role("button", name="Vote", exact=True).count()):
        kept = visitor.do(lambda page: page.evaluate("localStorage.getItem('vote')"))
        observe("the refused vote in the browser", expected=None, observed=kept)
        vote(visitor, cast.option)
    if words != AN_OLDER_API_SAYS:
        visitor.wait("message", "is counted" if len(polls.keys) == 1 else "", COUNTED_SECONDS)
    after = added(polls, cast.before, {cast.option: 1})
    pauses = [later - sooner for (sooner, _), (later, _) in pairwise(polls.attempts)]
    with observe.together():
        observe("votes that were counted on the bad day", expected={}, observed=early, remedy=REMEDY)
        observe("votes that were counted afterwards", expected={cast.option: 1}, observed=after)
        observe("different keys of all attempts", expected=1, observed=len(polls.keys))
        if "Too many" in words:
            observe("seconds before the next attempt", expected="at least 3", observed=pauses, holds=every(one >= 2.9 for one in pauses),  # noqa: PLR2004
                    remedy=REMEDY)  # fmt: skip


@then("a browser that may vote again adds a second vote")
def second_vote(polls: Polls, visitor: Visitor, cast: Cast, observe: Observe) -> None:
    visitor.wait("message", f"Your vote for {cast.option} is counted", COUNTED_SECONDS)
    expected = {"cats": 1, "dogs": 1}
    with observe.together():
        observe("votes that were counted", expected=expected, observed=added(polls, cast.before, expected))
        observe("different keys of both votes", expected=2, observed=len(polls.keys))
