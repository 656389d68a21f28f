# mypy: allow-untyped-calls
# Locust is only partly typed.
"""The user classes. The workload is open: requests are due at fixed times, however slow the previous response was.

A user that is late sends immediately. The records measure latency from the time a request was due, Locust's own statistics from the time
it was sent.
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

from loadtests.connection import NO_RESPONSE, Connection
from loadtests.records import OPTIONS, UNANSWERED, Line, key_of
from loadtests.run import Run

TIMEOUT_SECONDS = 10.0
IMPATIENT_SECONDS = 0.25
IDLE_SECONDS = 3600.0
FINISH_SECONDS = 1.0
"""A stopped user whose next request is due within this time runs until then, and ends there."""


class _Accepted(msgspec.Struct):
    option: str
    vote_id: UUID


class _Results(msgspec.Struct):
    total_votes: int


_accepted, _results = msgspec.json.Decoder(_Accepted), msgspec.json.Decoder(_Results)


class Scheduled(User):
    """A user with its own schedule and connection.

    Attributes:
        session: the run that all users of this process belong to.
        due: when the current request is due.
    """

    abstract = True
    session: ClassVar[Run]
    due = 0.0

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        if not self.host:
            raise StopTest("--host is missing. Pass the API's URL, for example --host http://127.0.0.1:8000")
        if self.session.rate <= 0:
            raise StopTest(f"The rate per user must be above 0, not {self.session.rate:g}.")
        try:
            self._connection = Connection(self.host)
        except ValueError as error:
            raise StopTest(str(error)) from None
        self._votes = {option: self._prebuilt(b'{"option":"%s"}' % option.encode()) for option in OPTIONS}
        self._watch = self._connection.head("GET", "/api/results") + b"\r\n"
        self._stopped = 0.0

    def on_start(self) -> None:
        """Wait until the first request is due."""
        self._schedule = self.session.join()
        self.wait()

    def wait_time(self) -> float:
        """Return the seconds until the next request is due. Locust calls this after each request."""
        self.due = self._schedule.next()
        if self.due > self.session.ends:  # idle until Locust stops this user
            self.due = math.inf
            return IDLE_SECONDS
        return max(0.0, self.due - time.time())

    def stop(self, force: bool = False) -> bool:
        """Send no more requests. Those already due but not sent count as missed."""
        now = time.time()
        self._stopped = self._stopped or now
        if force or self._state is None or self.due - now > FINISH_SECONDS:
            return bool(super().stop(force=True))
        # Locust would kill a waiting user, which may have started its next request by the time the kill arrives.
        self._state = LOCUST_STATE_STOPPING
        return False

    def on_stop(self) -> None:
        """Leave the run and close the connection."""
        self.session.leave(self._schedule, self._stopped or time.time())
        self._connection.close()

    def vote(self, name: str, number: int, option: str, within: float = TIMEOUT_SECONDS) -> int:
        """Vote, and return the status of the response.

        Args:
            name: name of the request in records and statistics.
            number: number of the vote; the same number yields the same key.
            option: the option to vote for.
            within: timeout in seconds.
        """
        return self._send(name, self._votes[option] % key_of(self.session.process, number).encode(), within, number, option)

    def watch(self) -> None:
        """Request the results."""
        self._send("results", self._watch, TIMEOUT_SECONDS)

    def _prebuilt(self, body: bytes) -> bytes:
        head = self._connection.head("POST", "/api/vote", "Content-Type: application/json", f"Content-Length: {len(body)}")
        return head + b"Idempotency-Key: %s\r\n\r\n" + body

    def _send(self, name: str, request: bytes, within: float, number: int = 0, option: str = "") -> int:
        self._schedule.sent()
        status, body, vote_id, failure, sent = UNANSWERED, b"", None, "", time.time()
        try:
            status, body = self._connection.exchange(request, within)
            failure, vote_id = check_response(status, body, option)
        except Timeout:
            failure = f"no response within {within:g} s"
        except NO_RESPONSE as error:
            failure = f"no response: {type(error).__name__}"
        finally:  # even if the user is killed during the request: the vote may count
            ended = time.time()
            self.session.record(Line(name, self.due, sent, ended, number, status, option, vote_id))
        self.environment.events.request.fire(
            request_type="POST" if option else "GET", name=name, response_time=(ended - sent) * 1000, response_length=len(body),
            exception=failure or None, context={}, start_time=sent, url=self.host, response=None,
        )  # fmt: skip
        return status


def check_response(status: int, body: bytes, option: str) -> tuple[str, UUID | None]:
    """Check the response to a vote or, without an option, to a request for results.

    Returns:
        The failure, or an empty string, and the vote id if the response promises to count this vote.
    """
    if status != (CREATED if option else OK):
        return f"status {status} {responses.get(status, '')}".rstrip(), None
    try:
        if not option:
            _results.decode(body)
            return "", None
        accepted = _accepted.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"status {status}, but the body is not a valid {'vote receipt' if option else 'result'}", None
    if accepted.option != option:
        return f"status {status}, but for another option", None
    return "", accepted.vote_id


@tag("vote")
def vote(user: Scheduled) -> None:
    """Vote once with a new key."""
    user.vote("vote", next(user.session.numbers), random.choice(OPTIONS))  # noqa: S311 - not a secret


@tag("results")
def results(user: Scheduled) -> None:
    """Request the results."""
    user.watch()


@tag("impatient")
def impatient(user: Scheduled) -> None:
    """Vote with a short timeout; without a response, vote again with the same key and the normal timeout."""
    number, option = next(user.session.numbers), random.choice(OPTIONS)  # noqa: S311 - not a secret
    if user.vote("vote", number, option, IMPATIENT_SECONDS) == UNANSWERED:
        user.due = time.time()
        user.vote("vote again", number, option)


class Voter(Scheduled):
    """Votes."""

    tasks = [vote]  # noqa: RUF012 - as Locust declares it


class Watcher(Scheduled):
    """Requests the results."""

    tasks = [results]  # noqa: RUF012 - as Locust declares it


class Impatient(Scheduled):
    """Votes, times out after 250 ms, and votes again with the same key."""

    tasks = [impatient]  # noqa: RUF012 - as Locust declares it


class Mixed(Scheduled):
    """Mixes all tasks: of ten requests, seven are votes, two request the results and one is impatient."""

    tasks = [*[vote] * 7, *[results] * 2, impatient]  # noqa: RUF012 - as Locust declares it
