"""Steps that cast votes: what is accepted, what is rejected, and what is in the stream afterwards."""

import queue
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from pytest_bdd import parsers, then, when

from features.support.parts import record_vote
from validation.core import protocol
from validation.core.waiting import consistently, eventually
from validation.faults.reconciliation import SentVotes
from validation.probes.running.http import Answer, HttpProbe
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import Entry, StreamProbe
from validation.record.observe import Observe
from validation.targets.base import Target

JSON = {"Content-Type": "application/json"}
ARRIVES_SECONDS = 3.0
QUIET_SECONDS = 0.1
HEAL_SECONDS = 15.0
LATE_SECONDS = 1.0
"""How long to watch for an entry of a vote that was rejected."""

BODIES: dict[str, bytes] = {
    "an empty body": b"",
    "a vote in UTF-16": '{"option": "cats"}'.encode("utf-16"),
    "a vote after a byte order mark": b'\xef\xbb\xbf{"option": "cats"}',
    "a vote in Latin-1": '{"option": "c\u00e4ts"}'.encode("latin-1"),
}
KEYS: dict[str, bytes] = {"(empty)": b"", "(256 characters)": b"k" * 256, "(two keys)": b"k\r\nIdempotency-Key: k"}
VISIBLE = "".join(map(chr, range(0x21, 0x7F)))
KEY_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Receipt:
    """The responses to a voter, and what was added to the stream meanwhile.

    Attributes:
        answers: the responses, in the order of the requests.
        entries: what was added to the stream since just before the first request.
        key: the Idempotency-Key that was used.
        option: the option that was voted for.
    """

    answers: tuple[Answer, ...]
    entries: tuple[Entry, ...]
    key: str = ""
    option: str = "cats"

    @property
    def answer(self) -> Answer:
        """The last response."""
        return self.answers[-1]


@pytest.fixture
def watch(stream: StreamProbe, system: Target) -> Callable[..., Receipt]:
    """Send requests to the API, and return the responses with what was added to the stream."""
    _ = system.api  # start it before the watch begins

    def send(*requests: Callable[[], Answer], key: str = "", option: str = "cats", expected: int) -> Receipt:
        with stream.tap(protocol.STREAM) as arrived:
            answers = tuple(request() for request in requests)
            entries = tuple(_collect(arrived, expected))
        return Receipt(answers, entries, key, option)

    return send


@when(parsers.re('a voter votes for "(?P<option>[a-z]+)"$'), target_fixture="receipt")
def voter_votes(http: HttpProbe, option: str, watch: Callable[..., Receipt], sent_votes: SentVotes) -> Receipt:
    key = sent_votes.key()
    receipt = watch(lambda: http.vote(option, key), key=key, option=option, expected=1)
    record_vote(sent_votes, key, option, receipt.answer)
    return receipt


@when('a voter votes for "cats" with a key of 255 characters, which has every visible ASCII character', target_fixture="receipt")
def votes_with_longest_key(http: HttpProbe, watch: Callable[..., Receipt], sent_votes: SentVotes) -> Receipt:
    key = (sent_votes.key() + VISIBLE).ljust(KEY_LENGTH, "k")
    receipt = watch(lambda: http.vote("cats", key), key=key, expected=1)
    record_vote(sent_votes, key, "cats", receipt.answer)
    return receipt


@then("the vote is accepted")
def vote_is_accepted(receipt: Receipt, observe: Observe) -> None:
    body = receipt.answer.json() or {}
    with observe.together():
        observe("status", expected=201, observed=receipt.answer.status, evidence=receipt.answer, remedy="system/api/votes.py")
        observe("fields of the response", expected=["message", "option", "stream_id", "vote_id"], observed=sorted(body))
        observe("option of the response", expected=receipt.option, observed=body.get("option"))
        observe("vote_id", expected="a UUID", observed=body.get("vote_id"), holds=protocol.is_vote_id(str(body.get("vote_id"))))


@then("the stream holds exactly that vote")
def stream_holds_vote(receipt: Receipt, observe: Observe) -> None:
    body = receipt.answer.json() or {}
    observe("entries added to the stream", expected=1, observed=len(receipt.entries), evidence=receipt.entries)
    identifier, fields = receipt.entries[0]
    remedy = "compare system/contract.py with validation/core/protocol.py"
    with observe.together():
        observe("stream id", expected=body.get("stream_id"), observed=identifier)
        observe("fields of the entry", expected=sorted(protocol.ENTRY_FIELDS), observed=sorted(fields), evidence=fields, remedy=remedy)
        observe("option", expected=receipt.option, observed=fields.get("option"), remedy=remedy)
        observe("request_id", expected=body.get("vote_id"), observed=fields.get("request_id"), remedy=remedy)
        stamp = fields.get("timestamp", "")
        close = stamp.isdigit() and abs(int(stamp) - int(identifier.partition("-")[0])) < 10_000  # noqa: PLR2004 - ms between API and Redis
        observe("timestamp", expected="in milliseconds, within 10 s of the stream id", observed=stamp, holds=close, remedy=remedy)


@when(parsers.re("a client posts (?P<body>.+) to /api/vote"), target_fixture="receipt")
def client_posts(http: HttpProbe, body: str, watch: Callable[..., Receipt]) -> Receipt:
    content = BODIES.get(body, body.encode())
    return watch(lambda: http.send("POST", "/api/vote", headers=JSON, content=content), expected=0)


@when(parsers.re(r"a page at (?P<origin>\S+) posts a vote as (?P<content_type>.+)"), target_fixture="receipt")
def page_posts(http: HttpProbe, origin: str, content_type: str, watch: Callable[..., Receipt]) -> Receipt:
    """Send what a browser sends for any page without a preflight."""
    headers = {"Origin": origin} | ({} if content_type == "(none)" else {"Content-Type": content_type})
    return watch(lambda: http.send("POST", "/api/vote", headers=headers, content=b'{"option":"cats"}'), expected=0)


@when(parsers.re("a client votes with the key (?P<key>.+)"), target_fixture="receipt")
def client_votes_with_key(http: HttpProbe, key: str, watch: Callable[..., Receipt]) -> Receipt:
    body = b'{"option":"cats"}'
    head = (
        b"POST /api/vote HTTP/1.1\r\nHost: votecheck\r\nContent-Type: application/json\r\nConnection: close\r\n"
        b"Content-Length: %d\r\nIdempotency-Key: %s\r\n\r\n" % (len(body), KEYS.get(key, key.encode()))
    )
    return watch(lambda: http.raw(head, body), expected=0)


@then(parsers.re(r"the response is (?P<status>\d+) and the stream is unchanged"))
def rejected_with(receipt: Receipt, status: str, observe: Observe) -> None:
    _observe_rejected(receipt, (int(status),), observe)


@then("the request is rejected and the stream is unchanged")
def rejected(receipt: Receipt, observe: Observe) -> None:
    _observe_rejected(receipt, (400, 413), observe)


@then("the API closes the connection")
def connection_closed(receipt: Receipt, observe: Observe) -> None:
    observe("Connection", expected="close", observed=receipt.answer.headers.get("connection"), evidence=receipt.answer.headers)


@when('a voter votes for "cats" twice with the same key', target_fixture="receipt")
def votes_twice(http: HttpProbe, watch: Callable[..., Receipt], sent_votes: SentVotes) -> Receipt:
    key = sent_votes.key()
    receipt = watch(lambda: http.vote("cats", key), lambda: http.vote("cats", key), key=key, expected=1)
    for answer in receipt.answers:
        record_vote(sent_votes, key, "cats", answer)
    return receipt


@then("both responses are 201 with the same stream id and vote id")
def same_vote_twice(receipt: Receipt, observe: Observe) -> None:
    first, second = (answer.json() or {} for answer in receipt.answers)
    with observe.together():
        observe("statuses", expected=[201, 201], observed=[a.status for a in receipt.answers])
        for name in ("stream_id", "vote_id"):
            observe(
                f"{name} of the second response",
                expected=first.get(name),
                observed=second.get(name),
                remedy="the idempotency script in system/api/stream.py",
            )


@when('a voter votes for "cats" and then for "dogs" with the same key', target_fixture="receipt")
def changes_option(http: HttpProbe, watch: Callable[..., Receipt], sent_votes: SentVotes) -> Receipt:
    key = sent_votes.key()
    receipt = watch(lambda: http.vote("cats", key), lambda: http.vote("dogs", key), key=key, expected=1)
    record_vote(sent_votes, key, "cats", receipt.answers[0])
    return receipt


@then("the second response is 422, and the stream holds only the first vote")
def second_rejected(receipt: Receipt, observe: Observe) -> None:
    with observe.together():
        observe("statuses", expected=[201, 422], observed=[a.status for a in receipt.answers], evidence=receipt.answer)
        observe("options added to the stream", expected=["cats"], observed=[fields.get("option") for _, fields in receipt.entries])


@when(parsers.re(r"a client posts a vote padded to (?P<size>\d+) bytes, (?P<how>announced|chunked)"), target_fixture="receipt")
def posts_padded(http: HttpProbe, size: str, how: str, watch: Callable[..., Receipt], sent_votes: SentVotes) -> Receipt:
    vote = b'{"option":"cats"}'
    body, key = vote + b" " * (int(size) - len(vote)), sent_votes.key()
    content = body if how == "announced" else _chunks(body)
    fits = int(size) <= protocol.BODY_LIMIT_BYTES
    receipt = watch(lambda: http.send("POST", "/api/vote", headers=JSON | {"Idempotency-Key": key}, content=content), expected=int(fits))
    record_vote(sent_votes, key, "cats", receipt.answer)
    return receipt


@then("the padded vote is accepted")
def padded_accepted(receipt: Receipt, observe: Observe) -> None:
    with observe.together():
        observe("status", expected=201, observed=receipt.answer.status, evidence=receipt.answer)
        observe("entries added to the stream", expected=1, observed=len(receipt.entries))


@when("a client announces 10 bytes and sends 1048577 in chunks", target_fixture="receipt")
def false_length(http: HttpProbe, watch: Callable[..., Receipt]) -> Receipt:
    vote = b'{"option":"cats"}' + b" " * (protocol.BODY_LIMIT_BYTES + 1 - 17)
    head = (
        b"POST /api/vote HTTP/1.1\r\nHost: votecheck\r\nContent-Type: application/json\r\nConnection: close\r\n"
        b"Content-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in _chunks(vote)) + b"0\r\n\r\n"
    return watch(lambda: http.raw(head, chunks), expected=0)


@when('a voter votes for "cats" during the outage', target_fixture="refusal")
def votes_during_outage(http: HttpProbe, sent_votes: SentVotes) -> Receipt:
    key = sent_votes.key()
    answer = http.vote("cats", key)
    record_vote(sent_votes, key, "cats", answer)
    return Receipt((answer,), (), key)


@then("the response is 503 within 2 seconds, with Retry-After")
def answered_503(refusal: Receipt, observe: Observe) -> None:
    answer = refusal.answer
    with observe.together():
        observe("status", expected=503, observed=answer.status, evidence=answer)
        limit = protocol.DEGRADED_ANSWER_SECONDS
        observe(
            "seconds until the response",
            expected=f"at most {limit}",
            observed=round(answer.seconds, 2),
            holds=answer.seconds <= limit + 0.25,
            timed=True,
        )
        after = answer.headers.get("retry-after", "missing")
        observe("Retry-After", expected="a number of seconds above 0", observed=after, holds=after.isdecimal() and int(after) > 0)


@then("the same vote with the same key is accepted, and is in the stream once")
def accepted_again(
    http: HttpProbe, refusal: Receipt, stream: StreamProbe, store: StoreProbe, sent_votes: SentVotes, observe: Observe
) -> None:
    again = eventually(lambda: http.vote("cats", refusal.key), lambda answer: answer.status == 201, within=HEAL_SECONDS)  # noqa: PLR2004
    body = again.value.json() or {}
    record_vote(sent_votes, refusal.key, "cats", again.value)
    observe("status after Redis is back", expected=201, observed=again.value.status, evidence=again.story)

    def entries() -> list[str]:
        return [i for i, fields in stream.entries_after(protocol.STREAM) if fields.get("request_id") == body.get("vote_id")]

    alone = consistently(entries, lambda found: found in ([body.get("stream_id")], []), during=LATE_SECONDS)
    counted = {} if alone.value else store.ledger([str(body.get("vote_id"))])
    observe(
        f"entries of this vote in the stream, for {LATE_SECONDS:g} s",
        expected="one, or none because it is in the ledger",
        observed=alone.value or f"none; in the ledger: {counted or 'none'}",
        holds=alone.held and bool(alone.value or counted),
        evidence=alone.story,
        remedy="system/api/stream.py: a vote whose response was lost must not be added twice",
    )


def _observe_rejected(receipt: Receipt, statuses: tuple[int, ...], observe: Observe) -> None:
    with observe.together():
        expected = " or ".join(map(str, statuses))
        observe(
            "status",
            expected=expected,
            observed=receipt.answer.status,
            holds=receipt.answer.status in statuses,
            evidence=receipt.answer,
        )
        observe("entries added to the stream", expected=0, observed=len(receipt.entries), evidence=receipt.entries)


def _collect(arrived: "queue.SimpleQueue[Entry]", expected: int) -> Iterator[Entry]:
    """Yield what arrives: wait for the expected entries, then a moment longer for an unexpected one."""
    for number in range(expected + 5):
        try:
            yield arrived.get(timeout=ARRIVES_SECONDS if number < expected else QUIET_SECONDS)
        except queue.Empty:
            return


def _chunks(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 65536):
        yield body[start : start + 65536]
