"""Steps about what is kept: by Redis, which may forget a vote, by the browser, which may keep nothing, and by the clipboard."""

import json
import secrets
from typing import Any

from pytest_bdd import given, parsers, then, when

from features.support.browsing import Cast, Polls, receipt, vote
from validation.core import protocol
from validation.core.waiting import consistently
from validation.probes.running.browser import Visitor
from validation.probes.running.http import HttpProbe
from validation.probes.running.redis_server import RedisServer
from validation.record.observe import Observe

FORGOTTEN = "no longer remembers it. Send it again: it counts only once."
KEEPS_NOTHING = "This browser keeps nothing: write down the receipt"
STAYS = "This browser keeps nothing: leave this page open until your vote is accepted."
TAKES_LONG = "Counting takes longer than usual. Your vote is safe, and you may close this page."
STEP_SECONDS, REPLY_SECONDS, SAID_SECONDS = 4, 0.3, 15.0
PAGE, VOTE = "system/api/web/app.js", "system/api/web/vote.js"
SEND_AGAIN = "Try again now"
OVERLAPS = """() => {
  const seen = Array.from(document.querySelectorAll("button, code, #message, li, label"), (one) => [one, one.getBoundingClientRect()])
    .filter(([one, box]) => box.width > 0 && one.checkVisibility({ visibilityProperty: true }));
  const apart = (one, other) => one.right <= other.left + 1 || one.bottom <= other.top + 1;
  return seen.flatMap(([one, box], number) => seen.slice(number + 1)
    .filter(([, other]) => !apart(box, other) && !apart(other, box)).map(([other]) => `${one.textContent} / ${other.textContent}`));
}"""


@when(parsers.re("(?P<what>the key of the vote reaches the end of its time|Redis loses everything)"))
def forgets(polls: Polls, what: str) -> None:
    if "Redis" in what:
        with RedisServer(polls.target.redis.url) as server:
            server.empty()
    else:
        polls.let_expire(protocol.KEY_PREFIX)


@then("the page says that the vote is no longer remembered, and has not sent it again")
def says_forgotten(polls: Polls, visitor: Visitor, observe: Observe) -> None:
    says = visitor.wait("message", FORGOTTEN)
    buttons = visitor.do(lambda page: [one.inner_text() for one in page.get_by_role("button").all()])
    offered = [one for one in buttons if one in {SEND_AGAIN, "Vote", "Vote again"}]
    with observe.together():
        observe("what the page says", expected=FORGOTTEN, observed=says, holds=FORGOTTEN in says, remedy=VOTE, picture=visitor.picture())
        observe("buttons that vote", expected=[SEND_AGAIN], observed=offered, remedy=PAGE)
        observe(
            "texts and buttons that lie on one another", expected=[], observed=visitor.do(lambda page: page.evaluate(OVERLAPS)), remedy=PAGE
        )
        observe("attempts so far", expected=1, observed=len(polls.attempts), remedy=VOTE)


@when("the voter sends it again, and the consumer goes on counting")
def sends_again(polls: Polls, visitor: Visitor) -> None:
    visitor.do(lambda page: page.get_by_role("button", name=SEND_AGAIN).click())
    visitor.wait("message", "is accepted")
    polls.consumer.resume()


@when('the voter votes for "dogs" while the API is frozen', target_fixture="cast")
def votes_unheard(polls: Polls, visitor: Visitor) -> Cast:
    before = polls.counts()
    polls.api.process.pause()
    vote(visitor, "dogs")
    return Cast("dogs", before)


@then("the page says that it must stay open until the vote is accepted")
def says_stay(visitor: Visitor, observe: Observe) -> None:
    says = visitor.wait("message", STAYS)
    observe("what the page says", expected=STAYS, observed=says, holds=says.endswith(STAYS), remedy=PAGE, picture=visitor.picture())


@when("the API goes on")
def goes_on(polls: Polls) -> None:
    polls.api.process.resume()


@when(parsers.parse("{seconds:d} seconds pass in the browser, during which it asks for its receipt"))
def time_passes(visitor: Visitor, seconds: int) -> None:
    _pass(visitor, seconds)


@when(parsers.parse("the consumer goes on counting, and {seconds:d} seconds pass in the browser"))
def counting_meanwhile(polls: Polls, visitor: Visitor, seconds: int) -> None:
    polls.consumer.resume()
    _pass(visitor, seconds)


@then("the page says that counting takes longer than usual, and that the vote is safe")
def says_safe(visitor: Visitor, observe: Observe) -> None:
    says = visitor.wait("message", TAKES_LONG, SAID_SECONDS)
    observe("what the page says", expected=TAKES_LONG, observed=says, remedy=VOTE, picture=visitor.picture())


@then("the page says that the browser keeps nothing, and had no error")
def says_kept(visitor: Visitor, observe: Observe) -> None:
    says = visitor.text("message")
    with observe.together():
        observe(
            "what the page says", expected=KEEPS_NOTHING, observed=says, holds=KEEPS_NOTHING in says, remedy=PAGE, picture=visitor.picture()
        )
        observe("errors in the console", expected=[], observed=visitor.errors, remedy=VOTE)


@when("the voter has voted and presses Copy", target_fixture="cast")
def copies(polls: Polls, visitor: Visitor) -> Cast:
    before = polls.counts()
    vote(visitor, "cats")
    visitor.wait("message", "is counted")
    visitor.do(lambda page: page.get_by_role("button", name="Copy", exact=True).click())
    visitor.wait("copy", "ed")
    return Cast("cats", before)


@then(parsers.re("the receipt is (?P<where>in the clipboard|selected), and the button says (?P<says>.+)"))
def copied(visitor: Visitor, where: str, says: str, observe: Observe) -> None:
    def look(page: Any) -> str:
        return str(page.evaluate("navigator.clipboard.readText()" if where == "in the clipboard" else "getSelection().toString()"))

    with observe.together():
        observe(
            f"text that is {where}", expected=receipt(visitor), observed=visitor.do(look).strip(), remedy=PAGE, picture=visitor.picture()
        )
        observe("what the button says", expected=says, observed=visitor.text("copy"), remedy=PAGE)


@given("the page, open in a browser that keeps a vote as the last releases stored it", target_fixture="kept")
def kept_before(polls: Polls) -> tuple[Visitor, str]:
    """Store the vote as data, as it lies in the browsers of those who have voted: no program of today writes it."""
    key = secrets.token_hex(16)
    vote_id = str((HttpProbe(polls.api.url).vote("dogs", key).json() or {}).get("vote_id"))
    stored = json.dumps({"key": key, "option": "dogs", "state": "accepted", "id": vote_id, "at": ""})
    return polls.open(lambda page: page.add_init_script(f"localStorage.setItem('vote', {json.dumps(stored)})")), vote_id


@then("the page says that this vote is counted, shows its receipt, and offers no other")
def says_kept_vote(kept: tuple[Visitor, str], observe: Observe) -> None:
    visitor, vote_id = kept
    says = visitor.wait("message", "is counted", SAID_SECONDS)
    with observe.together():
        observe("what the page says", expected="Your vote for dogs is counted", observed=says,
                holds=says.startswith("Your vote for dogs is counted"), remedy=VOTE, picture=visitor.picture())  # fmt: skip
        observe("its receipt", expected=vote_id, observed=receipt(visitor), remedy=VOTE)
        buttons = visitor.do(lambda page: page.get_by_role("button", name="Vote", exact=True).count())
        observe("buttons to vote", expected=0, observed=buttons, remedy=PAGE)


def _pass(visitor: Visitor, seconds: int) -> None:
    """Move the clock of the browser on, in steps between which the replies of the API arrive."""
    for _ in range(seconds // STEP_SECONDS):
        visitor.do(lambda page: page.clock.run_for(STEP_SECONDS * 1000))
        consistently(lambda: None, lambda _: True, during=REPLY_SECONDS)
