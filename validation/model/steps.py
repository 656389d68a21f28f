"""The steps that an example consists of. Each is a sentence in the report, and checks the answers that it gets."""

import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from validation.core import protocol
from validation.core.waiting import eventually
from validation.model.clients import Request
from validation.model.example import EVENT_SECONDS, Choice, Example
from validation.model.parts import OPTIONS
from validation.model.results import counts_in
from validation.model.settling import settle

OTHER_REQUESTS: dict[str, tuple[str, str, object, int]] = {
    "health": ("GET", "/health", None, 200),
    "an unknown option": ("POST", "/api/vote", {"option": "birds"}, 422),
    "a body that is not a vote": ("POST", "/api/vote", {"option": "cats", "more": 1}, 422),
    "an unknown path": ("GET", "/api/nothing", None, 404),
    "the wrong method": ("GET", "/api/vote", None, 405),
}
"""What a client may send between votes: method, path, body and the status of the answer."""
RESULTS = "results"
FIRST = OPTIONS[0]
EVERY_SECONDS = 0.1
MALFORMED: dict[str, dict[str, str]] = {
    "no vote id": {"request_id": "7"},
    "a vote id in capitals": {"request_id": "0190F3A0-0000-7000-8000-00000000000A"},
    "an unknown option": {"option": "birds"},
    "an empty option": {"option": ""},
    "a timestamp that is not a number": {"timestamp": "today"},
}
UNUSUAL: dict[str, dict[str, str]] = {
    "a plain vote": {},
    "a timestamp of tomorrow": {"timestamp": "TOMORROW"},
    "a timestamp of 1970": {"timestamp": "0"},
    "a further field": {"note": "from another program"},
}


class Step(ABC):
    """Something that happens to the system."""

    kind: ClassVar[str]

    @abstractmethod
    def run(self, example: Example) -> None:
        """Do it, and check every answer.

        Raises:
            Differs: an answer is wrong.
        """


@dataclass(frozen=True)
class Votes(Step):
    """Votes and other requests, in pipelines on connections that stay open, all at the same time."""

    kind = "votes at the same time"
    api: int
    pipelines: tuple[tuple[Choice | str, ...], ...]

    def run(self, example: Example) -> None:
        """Send all of them, and check each answer."""
        api = example.parts.apis[self.api]
        example.parts.wait_until_ready(api)
        requests = [[_request(example, one) for one in pipeline] for pipeline in self.pipelines]
        answers = example.send(api, *requests)
        both = [
            (one, reply)
            for pipeline, replies in zip(self.pipelines, answers, strict=True)
            for one, reply in zip(pipeline, replies, strict=True)
        ]
        example.model.cast(example.cast_of(api, one, reply) for one, reply in both if isinstance(one, Choice))
        for one, reply in both:
            if one == RESULTS:
                example.check_results(api, reply)
            elif isinstance(one, str):
                example.compare("answers", f"status of {one}", OTHER_REQUESTS[one][3], reply.status, evidence=reply)

    def __str__(self) -> str:
        sent = "; ".join(", ".join(one if isinstance(one, str) else choice_text(one) for one in pipeline) for pipeline in self.pipelines)
        return f"API {'AB'[self.api]} gets over {len(self.pipelines)} connections at the same time: {sent}"


@dataclass(frozen=True)
class Producer(Step):
    """Another program adds entries, some of which are not votes, and some of which were counted before."""

    kind = "entries of another program"
    entries: tuple[tuple[str, str], ...]

    def run(self, example: Example) -> None:
        """Add them."""
        add_entries(example, self.entries)

    def __str__(self) -> str:
        return "Another program adds to the stream: " + "; ".join(f"{what} ({option})" for what, option in self.entries)


@dataclass(frozen=True)
class Reader(Step):
    """A second group reads entries, in order and each once, and acknowledges some."""

    kind = "reading by a second group"
    count: int
    acknowledged: int

    def run(self, example: Example) -> None:
        """Read and acknowledge."""
        example.read_as_other_group(self.count)
        example.acknowledge_as_other_group(self.acknowledged)

    def __str__(self) -> str:
        return f"A second group reads up to {self.count} entries and acknowledges up to {self.acknowledged}"


@dataclass(frozen=True)
class Results(Step):
    """Someone asks for the results."""

    kind = "results"
    api: int

    def run(self, example: Example) -> None:
        """Read them from an API, twice at the same time."""
        api = example.parts.apis[self.api]
        example.parts.wait_until_ready(api)
        example.confirm()
        for replies in example.send(api, [_request(example, RESULTS)], [_request(example, RESULTS)]):
            example.check_results(api, replies[0])

    def __str__(self) -> str:
        return f"Two clients ask API {'AB'[self.api]} for the results"


@dataclass(frozen=True)
class Clock(Step):
    """Clocks are set, those of both APIs differently. Then each API gets votes, and repetitions of those that the other one got."""

    kind = "clocks"
    first: float
    second: float
    consumers: float
    key: str

    def run(self, example: Example) -> None:
        """Set them, and vote."""
        parts = example.parts
        parts.wait_until_ready(*parts.apis)
        for part, seconds in zip(parts.all, (self.first, self.second, self.consumers, -self.consumers), strict=True):
            part.set_clock(seconds)
        for api in (*parts.apis, *parts.apis):
            choices = [Choice(self.key, FIRST), Choice("", FIRST)]
            replies = example.send(api, *([example.vote(one)] for one in choices))
            example.model.cast(example.cast_of(api, one, reply[0]) for one, reply in zip(choices, replies, strict=True))

    def __str__(self) -> str:
        clocks = (("API A", self.first), ("API B", self.second), ("consumer a", self.consumers), ("consumer b", -self.consumers))
        set_to = ", ".join(f"{name} {_ahead(seconds)}" for name, seconds in clocks)
        return f"Clocks are set: {set_to}; each API gets a vote with key {self.key} and one without a key, twice"


@dataclass(frozen=True)
class Reconnect(Step):
    """The client of the event stream connects again, and says which event it has seen."""

    kind = "reconnecting to the event stream"
    api: int
    option: str

    def run(self, example: Example) -> None:
        """Disconnect, vote, wait until the API shows it, and connect with the id of the last event."""
        api, watching = example.parts.apis[self.api], example.watching
        example.parts.wait_until_ready(*example.parts.all)
        watching.disconnect()
        example.cast(api, Choice("", self.option))
        counts = example.counted()
        eventually(lambda: counts_in(example.results(api).json()), lambda shown: shown == counts, within=EVENT_SECONDS, every=EVERY_SECONDS)
        watching.connect(api, example.watch_request(watching.last_id))
        example.expect_event(counts, "what was counted while the client was away")

    def __str__(self) -> str:
        return (
            f"A vote for {self.option} is counted while the client of the event stream is away; it connects again, to API {'AB'[self.api]}"
        )


@dataclass(frozen=True)
class Follow(Step):
    """The client of the event stream connects anew and sees each change."""

    kind = "following the event stream"
    api: int
    options: tuple[str, ...]

    def run(self, example: Example) -> None:
        """Vote, and wait until the change arrives, once for each option."""
        api = example.parts.apis[self.api]
        example.parts.wait_until_ready(*example.parts.all)
        example.watching.reconnect(api, example.watch_request(""), anew=True)
        for option in self.options:
            example.cast(api, Choice("", option))
            example.expect_event(example.counted(), f"a vote for {option}")

    def __str__(self) -> str:
        return f"A client follows the event stream of API {'AB'[self.api]} while votes arrive one by one: {', '.join(self.options)}"


@dataclass(frozen=True)
class Settle(Step):
    """Everything is counted, and everything that can be observed is compared with the model."""

    kind = "settling"

    def run(self, example: Example) -> None:
        """Wait until all is counted, and compare."""
        settle(example)

    def __str__(self) -> str:
        return "Everything is counted and compared"


def add_entries(example: Example, entries: Sequence[tuple[str, str]]) -> None:
    """Add entries, as (what, option)."""
    now = time.time_ns() // 1_000_000
    for what, option in entries:
        fields = {"option": option, "timestamp": str(now), "request_id": str(uuid.uuid4())}
        if what == "a repeated vote":
            fields["request_id"] = next(iter(example.model.votes), fields["request_id"])
        fields |= MALFORMED.get(what, {}) | UNUSUAL.get(what, {})
        fields["timestamp"] = fields["timestamp"].replace("TOMORROW", str(now + 86_400_000))
        example.model.produced(example.parts.stream.add(protocol.STREAM, fields), fields, is_vote=what not in MALFORMED)


def _request(example: Example, one: Choice | str) -> Request:
    if isinstance(one, Choice):
        return example.vote(one)
    if one == RESULTS:
        return example.request("GET", "/api/results")
    method, path, body, _ = OTHER_REQUESTS[one]
    return example.request(method, path, body)


def choice_text(choice: Choice) -> str:
    """Return a vote as part of a sentence."""
    return f"{choice.option} with key {choice.key}" if choice.key else f"{choice.option} without a key"


def _ahead(seconds: float) -> str:
    return "right" if not seconds else f"{abs(seconds) / 3600:.0f} h {'ahead' if seconds > 0 else 'behind'}"
