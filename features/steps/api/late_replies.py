"""Steps with a Redis that replies late: a reply must not reach the vote that was sent next."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pytest_bdd import parsers, then, when

from features.support.apart import OPTIONS
from features.support.crowd import ACCEPTED, UNAVAILABLE, Crowd
from features.support.pipelining import Request, Response, converse
from validation.core import inputs
from validation.core.collections import every
from validation.core.errors import NotProven
from validation.core.waiting import consistently, eventually
from validation.record.observe import Observe

VOTE = "POST /api/vote"
REFUSED_SECONDS, ACCEPTED_SECONDS = 20.0, 30.0
ARRIVES_SECONDS = 0.1
"""Until a vote that has been sent is on its way from the API to Redis."""


@dataclass
class Voter:
    """One voter, who votes again and again until a vote is accepted.

    Attributes:
        begun: when each vote was sent, in seconds of the monotonic clock.
        answered: the votes that got a response, in the same order.
    """

    crowd: Crowd
    number: int
    begun: list[float] = field(default_factory=list)
    answered: list[tuple[Request, Response]] = field(default_factory=list)

    @property
    def waits_again(self) -> bool:
        """Whether a vote was refused and the next one has been sent."""
        return len(self.begun) > len(self.answered) > 0

    def vote(self) -> None:
        """Vote until accepted. A third of the voters send no key, a third a new key each time, a third always the same."""
        limit = time.monotonic() + ACCEPTED_SECONDS
        option, key = OPTIONS[self.number % 3], f"late-{self.crowd.mark}-{self.number}-{len(self.crowd.pairs)}"
        while not (self.answered and self.answered[-1][1].status == ACCEPTED) and time.monotonic() < limit:
            own = ("", f"{key}-{len(self.answered)}", key)[self.number // 3 % 3]
            request = self.crowd.request(VOTE, ACCEPTED, option, own)
            self.begun.append(time.monotonic())
            self.answered += converse(self.crowd.api.url, [[request]])


@when(parsers.parse("Redis is frozen {times:d} times until each of {count:d} voters was refused and has sent the next vote"))
def frozen_until_refused(crowd: Crowd, times: int, count: int) -> None:
    inputs.note(f"{times} times: Redis is frozen, {count} voters vote until accepted, and Redis goes on once each was refused")
    redis = crowd.apart.target.redis.require_managed()
    for _ in range(times):
        voters = [Voter(crowd, number) for number in range(count)]
        redis.pause()
        try:
            with ThreadPoolExecutor(count) as pool:
                running = [pool.submit(voter.vote) for voter in voters]
                eventually(lambda: every(voter.waits_again for voter in voters), bool, within=REFUSED_SECONDS)  # noqa: B023 - called here
                consistently(lambda: None, lambda _: True, during=ARRIVES_SECONDS)
                resumed = time.monotonic()
                redis.resume()
                for one in running:
                    try:
                        one.result(ACCEPTED_SECONDS)
                    except (OSError, ValueError) as error:
                        crowd.errors.append(f"{type(error).__name__}: {error}")
        finally:
            redis.resume()
        for voter in voters:
            crowd.pairs += voter.answered
            crowd.late += [pair for begun, pair in zip(voter.begun, voter.answered, strict=False) if begun < resumed]


@then("some votes that were sent to the frozen Redis were refused, and some were accepted later")
def both_happened(crowd: Crowd, observe: Observe) -> None:
    statuses = [response.status for _, response in crowd.late]
    observe("votes refused while Redis was frozen", expected="some", observed=statuses.count(UNAVAILABLE), holds=UNAVAILABLE in statuses)
    if ACCEPTED not in statuses and not set(statuses) - {UNAVAILABLE}:
        raise NotProven("Each vote that was sent to the frozen Redis was refused: this machine was too busy to resume Redis in time.")
    observe("votes sent to the frozen Redis", expected="all refused or accepted", observed=sorted(set(statuses)),
            holds=set(statuses) == {UNAVAILABLE, ACCEPTED})  # fmt: skip
