# mypy: allow-untyped-calls
# Locust is typed in part.
"""Who comes. The workload is open: a request is due at its moment, whether or not the last one was slow.

A user that is late sends at once. The latency in the records counts from the moment that was intended; Locust's own statistics hold the
time from the sending.
"""

import math
import random
import time
from http.client import CREATED, OK, responses
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from gevent import Timeout  # type: ignore[import-untyped] # it ships no types
from locust import User, tag
from locust.exception import StopTest
from locust.user.task import LOCUST_STATE_STOPPING

from loadtests.connection import NO_ANSWER, Connection
from loadtests.records import OPTIONS, UNANSWERED, Line, key_of
from loadtests.running import Run

TIMEOUT_SECONDS = 10.0
IMPATIENT_SECONDS = 0.25
OVER_SECONDS = 3600.0
ENDS_ITSELF_SECONDS = 1.0
"""Whose next request is due within this time is let run up to it, and ends there."""


class _Accepted(msgspec.Struct):
    option: str
    vote_id: UUID


class _Results(msgspec.Struct):
    total_votes: int


_accepted, _results = msgspec.json.Decoder(_Accepted), msgspec.json.Decoder(_Results)


class Scheduled(User):
    """A user with a schedule and a connection of its own.

    Attributes:
        session: the run that all users of this process belong to.
        due: when the request at hand was intended.
    """

    abstract = True
    session: ClassVar[Run]
    due = 0.0

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        if not self.host:
            raise StopTest("It is not said what to load. Next: --host http://127.0.0.1:8000")
        if self.session.rate <= 0:
            raise StopTest(f"The rate of a user must be above 0, and is {self.session.rate:g}.")
        try:
            self._connection = Connection(self.host)
        except ValueError as error:
            raise StopTest(str(error)) from None
        self._votes = {option: self._prebuilt(b'{"option":"%s"}' % option.encode()) for option in OPTIONS}
        self._watch = self._connection.head("GET", "/api/results") + b"\r\n"
        self._stopped = 0.0

    def on_start(self) -> None:
        """Wait for the first moment of its schedule."""
        self._schedule = self.session.joined()
        self.wait()

    def wait_time(self) -> float:
        """Tell how many seconds remain until the next request is due; Locust asks after each."""
        self.due = self._schedule.next()
        if self.due > self.session.ends:  # the word that all is over takes its time
            self.due = math.inf
            return OVER_SECONDS
        return max(0.0, self.due - time.time())

    def stop(self, force: bool = False) -> bool:
        """Take no more requests on; what was due until now and was not sent is missed."""
        now = time.time()
        self._stopped = self._stopped or now
        if force or self._state is None or self.due - now > ENDS_ITSELF_SECONDS:
            return bool(super().stop(force=True))
        # Locust would kill whoever waits; it may have begun its next request by the time that the kill arrives.
        self._state = LOCUST_STATE_STOPPING
        return False

    def on_stop(self) -> None:
        """Leave."""
        self.session.left(self._schedule, self._stopped or time.time())
        self._connection.close()

    def vote(self, name: str, number: int, option: str, within: float = TIMEOUT_SECONDS) -> int:
        """Vote, and give the status of the answer.

        Args:
            name: the request's, in the records and the statistics.
            number: of the vote; the same number is the same key.
            option: what to vote for.
            within: seconds until it gives up.
        """
        return self._ask(name, self._votes[option] % key_of(self.session.process, number).encode(), within, number, option)

    def watch(self) -> None:
        """Look at the results."""
        self._ask("results", self._watch, TIMEOUT_SECONDS)

    def _prebuilt(self, body: bytes) -> bytes:
        head = self._connection.head("POST", "/api/vote", "Content-Type: application/json", f"Content-Length: {len(body)}")
        return head + b"Idempotency-Key: %s\r\n\r\n" + body

    def _ask(self, name: str, request: bytes, within: float, number: int = 0, option: str = "") -> int:
        status, body, vote_id, wrong, sent = UNANSWERED, b"", None, "", time.time()
        try:
            status, body = self._connection.exchange(request, within)
            wrong, vote_id = judged(status, body, option)
        except Timeout:
            wrong = f"no answer within {within:g} s"
        except NO_ANSWER as error:
            wrong = f"no answer: {type(error).__name__}"
        finally:  # also of a user that is ended in the middle: the vote may count
            ended = time.time()
            self.session.note(Line(name, self.due, sent, ended, number, status, option, vote_id))
        self.environment.events.request.fire(
            request_type="POST" if option else "GET", name=name, response_time=(ended - sent) * 1000, response_length=len(body),
            exception=wrong or None, context={}, start_time=sent, url=self.host, response=None,
        )  # fmt: skip
        return status


def judged(status: int, body: bytes, option: str) -> tuple[str, UUID | None]:
    """Judge an answer to a vote, or without an option to a look at the results.

    Returns:
        What is wrong with it, or nothing, and the vote's id where it is a promise to count this vote.
    """
    if status != (CREATED if option else OK):
        return f"answered {status} {responses.get(status, '')}".rstrip(), None
    try:
        if not option:
            _results.decode(body)
            return "", None
        accepted = _accepted.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"answered {status} with a body that is no {'vote' if option else 'result'}", None
    if accepted.option != option:
        return f"answered {status} for another option", None
    return "", accepted.vote_id


@tag("vote")
def vote(user: Scheduled) -> None:
    """Vote once, with a key that nobody used."""
    user.vote("vote", next(user.session.numbers), random.choice(OPTIONS))  # noqa: S311 - no secret


@tag("results")
def results(user: Scheduled) -> None:
    """Look at the results."""
    user.watch()


@tag("impatient")
def impatient(user: Scheduled) -> None:
    """Vote, give up soon, and vote again with the same key; the second time, wait."""
    number, option = next(user.session.numbers), random.choice(OPTIONS)  # noqa: S311 - no secret
    if user.vote("vote", number, option, IMPATIENT_SECONDS) == UNANSWERED:
        user.due = time.time()
        user.vote("vote again", number, option)


class Voter(Scheduled):
    """Votes."""

    tasks = [vote]  # noqa: RUF012 - as Locust declares it


class Watcher(Scheduled):
    """Looks at the results."""

    tasks = [results]  # noqa: RUF012 - as Locust declares it


class Impatient(Scheduled):
    """Votes, gives up after 250 ms, and votes again with the same key."""

    tasks = [impatient]  # noqa: RUF012 - as Locust declares it


class Mixed(Scheduled):
    """Does all of it: of ten requests seven are votes and two are looks at the results."""

    tasks = [*[vote] * 7, *[results] * 2, impatient]  # noqa: RUF012 - as Locust declares it
