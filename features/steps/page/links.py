"""Steps with links that fail: between the browser and the API, and between the API and its servers."""

from pytest_bdd import given, parsers, then, when

from features.support.browsing import Cast, Polls, note_attempts, vote
from features.support.links import COUNTERS, DATABASE, Links
from validation.core.waiting import consistently
from validation.probes.running.browser import Visitor
from validation.record.observe import Observe

WORDS_SECONDS, ASKED_SECONDS = 9.0, 4.0


@given("the page, open in a browser, with links that can fail", target_fixture="visitor")
def opened(polls: Polls, links: Links) -> Visitor:
    return polls.open(note_attempts(polls), at=links.url)


@when(
    parsers.re(rf'the voter votes for "(?P<option>\w+)" while the link between (?P<ends>.+) (?P<fault>{"|".join(COUNTERS)})'),
    target_fixture="cast",
)
def votes(polls: Polls, visitor: Visitor, links: Links, option: str, ends: str, fault: str) -> Cast:
    before = polls.counts()
    links.fail(ends, fault, lambda: vote(visitor, option))
    return Cast(option, before)


@then(parsers.parse("the page says meanwhile: {words}"))
def says_meanwhile(visitor: Visitor, links: Links, words: str, observe: Observe) -> None:
    says = visitor.wait("message", words, WORDS_SECONDS)
    if links.failed == DATABASE:  # the page says so before it has asked in vain what became of the vote
        says = consistently(lambda: visitor.text("message"), lambda told: words in told, during=ASKED_SECONDS).value
    right = words in says and "is counted" not in says
    observe("what the page says", expected=words, observed=says, holds=right, remedy="system/api/web/vote.js", picture=visitor.picture())


@when("the link works again")
def heals(links: Links) -> None:
    links.heal()


@then("the link had failed, and every attempt had the same key")
def failed(polls: Polls, links: Links, observe: Observe) -> None:
    with observe.together():
        observe("what the proxy did to the link", expected="something", observed=links.effect, holds=links.effect > 0)
        observe("different keys of all attempts", expected=1, observed=len(polls.keys), evidence=len(polls.attempts))
