"""An upgrade, part by part, while votes flow: at each stage some APIs take the votes, and some consumers count them."""

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from features.support.api import probe_when_healthy
from features.support.parts import vote_id
from validation.core.errors import ProbeError
from validation.core.waiting import Waited, eventually
from validation.faults.reconciliation import SentVotes
from validation.probes.running.http import Answer, HttpProbe
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.targets.base import Api
from validation.targets.process import Child

OPTIONS = ("cats", "dogs")
ACCEPTED = 201
BETWEEN_SECONDS = 0.03
STOPPED_SECONDS = 10.0
COUNTED_SECONDS = 15.0
REPEATED = 3
FEW = 3


class Flow:
    """Voters who vote one after the other, at each of some APIs in turn."""

    def __init__(self) -> None:
        self.sent, self.failed, self.accepted = SentVotes(), list[str](), Counter[str]()
        self.numbers = itertools.count()
        self._apis = list[HttpProbe]()
        self._turn, self._ended = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="voters", daemon=True)

    def start(self, apis: list[HttpProbe]) -> None:
        """Begin to vote."""
        self._apis = apis
        self._thread.start()

    def go_to(self, apis: list[HttpProbe]) -> None:
        """Vote at these APIs from now on. No vote is under way to another one afterwards."""
        with self._turn:
            self._apis = apis

    def end(self) -> None:
        """Stop voting."""
        self._ended.set()
        if self._thread.ident:
            self._thread.join(STOPPED_SECONDS)

    def vote(self, api: HttpProbe, option: str, key: str) -> Answer:
        """Cast a vote and record what became of it.

        Raises:
            ProbeError: no response came.
        """
        answer = api.vote(option, key)
        receipt = answer.json() or {}
        self.sent.record(key, option, answer.status, str(receipt.get("vote_id", "")), str(receipt.get("stream_id", "")))
        return answer

    def _run(self) -> None:
        while not self._ended.wait(BETWEEN_SECONDS):
            number = next(self.numbers)
            with self._turn:
                api = self._apis[number % len(self._apis)]
                try:
                    answer = self.vote(api, OPTIONS[number % len(OPTIONS)], self.sent.key())
                except ProbeError as error:
                    self.failed.append(str(error))
                else:
                    self.accepted[api.url] += answer.status == ACCEPTED
                    self.failed.extend([str(answer)] if answer.status != ACCEPTED else [])


@dataclass(frozen=True, slots=True)
class Stage:
    """What was seen at one stage.

    Attributes:
        name: of the stage.
        repeated: for each API, the ids of votes that were sent to it again, beside those that they had at first.
        accepted: for each API, how many votes it accepted.
        counted: for each consumer, how many batches of votes it counted.
        exits: exit codes of the parts that were stopped at its beginning.
    """

    name: str
    repeated: dict[str, tuple[list[str], list[str]]]
    accepted: dict[str, Waited[int]]
    counted: dict[str, Waited[int]]
    exits: dict[str, int | None]


@dataclass
class Upgrade:
    """The parts of two releases, by a name that says which it is, and what they did.

    Attributes:
        make_api, make_consumer: prepare a part.
        migrate: runs a migration, and returns its exit code and output.
        stream, store: what all of them share.
        first: key → option and vote id of votes that are sent again at each stage.
        started: every part that was started.
    """

    make_api: Mapping[str, Callable[[], Api]]
    make_consumer: Mapping[str, Callable[[], Child]]
    migrate: Mapping[str, Callable[[], tuple[int, str]]]
    stream: StreamProbe
    store: StoreProbe
    flow: Flow = field(default_factory=Flow)
    stages: list[Stage] = field(default_factory=list)
    migrations: list[tuple[str, int, str]] = field(default_factory=list)
    first: dict[str, tuple[str, str]] = field(default_factory=dict)
    started: list[Child] = field(default_factory=list)
    _apis: dict[str, Api] = field(default_factory=dict)
    _consumers: dict[str, Child] = field(default_factory=dict)

    def schema_by(self, name: str) -> None:
        """Run a migration, and remember how it ended."""
        self.migrations.append((name, *self.migrate[name]()))

    def stage(self, name: str, apis: list[str], consumers: list[str]) -> None:
        """Go through a stage: votes flow, votes of the first stage are sent again to each API, and each consumer counts."""
        exits = self._change_to(apis, consumers)
        repeated = {one: self._repeat(self.api(one)) for one in apis}
        accepted = {one: _grows(partial(self.flow.accepted.__getitem__, self.api(one).url)) for one in apis}
        counted = {one: _grows(partial(_batches, self._consumers[one])) for one in consumers}
        self.stages.append(Stage(name, repeated, accepted, counted, exits))

    def api(self, name: str) -> HttpProbe:
        """Return a client of a running API."""
        return HttpProbe(self._apis[name].url)

    def close(self) -> None:
        """End the votes and stop every part."""
        self.flow.end()
        for part in (*(api.process for api in self._apis.values()), *self._consumers.values()):
            part.stop()

    def _repeat(self, api: HttpProbe) -> tuple[list[str], list[str]]:
        if not self.first:
            for number in range(REPEATED):
                key, option = self.flow.sent.key(), OPTIONS[number % len(OPTIONS)]
                self.first[key] = option, self._vote_id(api, option, key)
        return [self._vote_id(api, option, key) for key, (option, _) in self.first.items()], [vote for _, vote in self.first.values()]

    def _vote_id(self, api: HttpProbe, option: str, key: str) -> str:
        try:
            answer = self.flow.vote(api, option, key)
        except ProbeError as error:
            return str(error)
        return vote_id(answer) or str(answer)

    def _change_to(self, apis: list[str], consumers: list[str]) -> dict[str, int | None]:
        """Start the parts that are missing, send votes to these APIs only, stop the other parts, and return their exit codes."""
        for name in apis:
            if name not in self._apis:
                self._apis[name] = self.make_api[name]()
                self._start(self._apis[name].process)
        for name in consumers:
            if name not in self._consumers:
                self._consumers[name] = self.make_consumer[name]()
                self._start(self._consumers[name])
        probes = [probe_when_healthy(self._apis[name]) for name in apis]
        if self.stages:
            self.flow.go_to(probes)
        else:
            self.flow.start(probes)
        left = {f"API {name}": self._apis.pop(name).process for name in set(self._apis) - set(apis)}
        left |= {f"consumer {name}": self._consumers.pop(name) for name in set(self._consumers) - set(consumers)}
        return {name: part.stop(STOPPED_SECONDS).value for name, part in left.items()}

    def _start(self, part: Child) -> None:
        part.start()
        self.started.append(part)


def _grows(count: Callable[[], int]) -> Waited[int]:
    """Wait until a number has grown by a few, and return by how many."""
    before = count()
    return eventually(lambda: count() - before, lambda more: more >= FEW, within=COUNTED_SECONDS)


def _batches(consumer: Child) -> int:
    return consumer.event_names().count("vote_processed")
