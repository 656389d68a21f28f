"""One example: the real parts, the model beside them, and everything that was sent. Every answer passes through here."""

import itertools
import secrets
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import msgspec

from validation.core import protocol
from validation.core.waiting import eventually
from validation.model.clients import Reply, Request
from validation.model.comparing import Compare, differing
from validation.model.metrics import Metrics, lines
from validation.model.parts import OPTIONS, READER, REMEMBER_SECONDS, Part, Parts
from validation.model.results import Bounds, check, went_down
from validation.model.state import FRESH_SECONDS, Cast, Model
from validation.model.watching import Watching, read_between

OK, CREATED, UNAVAILABLE = 200, 201, 503
STREAM_ROUTE, UNMATCHED = "/api/results/stream", "unmatched"
ROUTES = {path: path for path in ("/api/vote", "/api/results", STREAM_ROUTE, "/health", "/ready")}
"""Path → route in log and metrics; any other path is unmatched."""
DEAD_LETTERED = "malformed_message_dead_lettered"
CLOCK_MS = 50.0
DRAINED_SECONDS = 20.0
EVENT_SECONDS = 10.0
"""Twice what a vote needs to be read and sent, on a machine that may be busy."""
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Choice:
    """A vote to send: its key (empty for none) and its option."""

    key: str
    option: str


@dataclass
class Since:
    """From where the counters of the consumers are counted: the last settling, or the beginning.

    Attributes:
        metrics: the metrics of each consumer.
        letters: lines about dead letters in the logs of both.
        taken: what the model had then, by name.
        exact: whether the counters can be predicted: no consumer was stopped in its work since.
    """

    metrics: list[Metrics]
    letters: int
    taken: dict[str, int]
    exact: bool = True

    @classmethod
    def now(cls, parts: Parts, model: Model) -> "Since":
        """Count from here."""
        taken = {"valid": model.valid, "votes": len(model.votes), "malformed": len(model.malformed)}
        return cls([Metrics.of(consumer) for consumer in parts.consumers], lines(parts.consumers, DEAD_LETTERED), taken)


@dataclass
class Example:
    """The state of one example.

    Attributes:
        sent: each answer, by API, since the API started.
        away_since: when the APIs lost the database, in monotonic seconds; 0 while they have it.
        read: ids of the entries that the second group has read.
        unacknowledged: those of them that it has not acknowledged.
        watching: the client of the event stream.
    """

    parts: Parts
    compare: Compare
    sent: dict[str, list[Reply]] = field(default_factory=dict)
    away_since: float = 0.0
    read: list[str] = field(default_factory=list)
    unacknowledged: list[str] = field(default_factory=list)
    _token: str = field(default_factory=lambda: secrets.token_hex(4))
    _floor: dict[str, list[tuple[float, dict[str, int]]]] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        """Read from where the example starts."""
        parts = self.parts
        parts.begin_example()
        self.model = Model(OPTIONS, REMEMBER_SECONDS, parts.store.counts(), self.compare)
        self.first_letter = parts.stream.last_id(protocol.STREAM + protocol.DEAD_SUFFIX)
        self.rows_before = sum(parts.store.ledger_totals().values())
        self.metrics_before = {api.name: Metrics.of(api) for api in parts.apis}
        self.since = Since.now(parts, self.model)
        self.watching = Watching.connected(self.compare, self.model, parts.apis[0], self.watch_request(""))

    def request(self, method: str, path: str, body: object = None, **headers: str) -> Request:
        """Return a request with a new id."""
        content = b"" if body is None else msgspec.json.encode(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Request(f"{self._token}.{next(self._numbers)}", method, path, (JSON if content else {}) | named, content)

    def watch_request(self, last_id: str) -> Request:
        """Return the request for the event stream of a client that has seen an event."""
        known = {"Last_Event_ID": last_id} if last_id else {}
        return self.request("GET", STREAM_ROUTE, Accept="text/event-stream", **known)

    def vote(self, choice: Choice) -> Request:
        """Return the request of a vote."""
        key = {"Idempotency_Key": f"{self._token}-{choice.key}"} if choice.key else {}
        return self.request("POST", "/api/vote", {"option": choice.option}, **key)

    def send(self, api: Part, *pipelines: Sequence[Request], may_be_lost: bool = False) -> list[list[Reply]]:
        """Send each pipeline on a connection of its own, all at the same time, and check what every answer has in common."""
        with ThreadPoolExecutor(len(pipelines)) as pool:
            replies = list(pool.map(lambda one: api.lines[one[0]].send(one[1]), enumerate(pipelines)))
        for reply in itertools.chain(*replies):
            self._check_any(api, reply, may_be_lost=may_be_lost)
        return replies

    def one(self, api: Part, request: Request) -> Reply:
        """Send one request."""
        return self.send(api, [request])[0][0]

    def results(self, api: Part) -> Reply:
        """Ask an API for the results, and check them."""
        reply = self.one(api, self.request("GET", "/api/results"))
        self.check_results(api, reply)
        return reply

    def cast(self, api: Part, choice: Choice) -> None:
        """Send one vote, and check its answer."""
        self.model.cast([self.cast_of(api, choice, self.one(api, self.vote(choice)))])

    def counted(self) -> dict[str, int]:
        """Wait until everything so far is counted, and return the counts of the database."""
        drained = self.parts.stream.wait_until_drained(within=DRAINED_SECONDS)
        self.compare("delivery", "entries of the stream", "all acknowledged", drained.value, holds=drained.held, evidence=drained.story)
        counts = self.parts.store.counts()
        return {option: counts[option] for option in OPTIONS}

    def expect_event(self, counts: Mapping[str, int], after: str) -> None:
        """Wait until the event stream shows some counts, and check what arrived."""
        watching = self.watching
        shown = eventually(lambda: watching.shown, lambda found: found == counts, within=EVENT_SECONDS)
        watching.check()
        different = "" if shown.held else differing(counts, shown.value)
        self.compare("event stream", f"event of {watching.api.name} after {after} (counts / event)", "", different)

    def cast_of(self, api: Part, choice: Choice, reply: Reply, *, may_be_lost: bool = False) -> Cast:
        """Return an attempt to vote for the model."""
        told = reply.json() if reply.status == CREATED else {}
        told = told if isinstance(told, dict) else {}
        key = f"{self._token}-{choice.key}" if choice.key else ""
        earliest = (reply.wall + api.offset) * 1000
        latest = earliest + (reply.answered - reply.sent) * 1000
        return Cast(key, choice.option, reply.status, told, reply.sent, reply.answered, may_be_lost, earliest - CLOCK_MS, latest + CLOCK_MS)

    def check_results(self, api: Part, reply: Reply) -> None:
        """Check an answer of /api/results."""
        if reply.status == UNAVAILABLE and self.away_since:
            self.compare("degraded answers", "Retry-After of results without the database", "1", reply.headers.get("retry-after"))
            return
        too_old = bool(self.away_since) and reply.sent > self.away_since + FRESH_SECONDS
        self.compare("results", f"status of the results of {api.name}{' without the database' * too_old}", UNAVAILABLE if too_old else OK,
                     reply.status, evidence=reply)  # fmt: skip
        self.compare("results", "Cache-Control of the results", "public, max-age=2", reply.headers.get("cache-control"))
        read = read_between(api, reply.wall - FRESH_SECONDS, reply.wall + reply.answered - reply.sent)
        bounds = Bounds(OPTIONS, self.model.at_least(reply.sent), self.model.at_most, read)
        counts = check(self.compare, reply.json(), bounds, f"the results of {api.name}")
        known = self._floor.setdefault(api.name, [])
        for answered, earlier in known:
            if answered < reply.sent:
                self.compare("results", f"options whose count went down in the results of {api.name}", [], went_down(earlier, counts))
        known.append((reply.answered, counts))

    def confirm(self) -> None:
        """Note the counts of the database: what it holds now, results must show in two seconds."""
        counts = self.parts.store.counts()
        self.model.confirmed.append((time.monotonic(), counts))

    def read_as_other_group(self, count: int) -> None:
        """Read entries as the second group, and check each."""
        entries = self.parts.stream.deliver(protocol.STREAM, READER, "one", count)
        self.read += [identifier for identifier, _ in entries]
        self.unacknowledged += [identifier for identifier, _ in entries]
        for identifier, fields in entries:
            known = self.model.entries.get(identifier)
            self.compare("entries", f"entry {identifier} as another group reads it", known.fields if known else "no such entry", fields,
                         holds=known is not None and known.fits(fields))  # fmt: skip

    def acknowledge_as_other_group(self, count: int) -> None:
        """Acknowledge the oldest entries that the second group has read."""
        done, self.unacknowledged = self.unacknowledged[:count], self.unacknowledged[count:]
        acknowledged = self.parts.stream.acknowledge(protocol.STREAM, READER, done)
        self.compare("entries", "entries that the second group could acknowledge", len(done), acknowledged)

    def forget(self, api: Part) -> None:
        """Forget what an API has answered: it starts again, with an empty log, and its metrics at zero."""
        self.sent.pop(api.name, None)
        self.metrics_before.pop(api.name, None)
        self._floor.pop(api.name, None)

    def _check_any(self, api: Part, reply: Reply, *, may_be_lost: bool) -> None:
        request, compare = reply.request, self.compare
        what = f"the answer of {api.name} to {request.method} {request.path}"
        answered = bool(reply.status)
        compare("answers", what, "an answer", answered, holds=answered or may_be_lost, evidence=api.child.output()[-300:])
        if not answered:
            return
        self.sent.setdefault(api.name, []).append(reply)
        compare("headers", f"X-Request-ID of {what}", request.id, reply.headers.get("x-request-id"), evidence=reply)
        wrong = {name: reply.headers.get(name) for name, allowed in protocol.HEADERS.items() if reply.headers.get(name) not in allowed}
        compare("headers", f"wrong headers of {what}", {}, wrong)
        compare("headers", f"Server header of {what}", None, reply.headers.get("server"))
        compare("headers", f"Content-Type of {what}", "application/json", reply.headers.get("content-type"))
