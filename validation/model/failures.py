"""The steps in which something fails: a process, or the connection to the database."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from validation.core import protocol
from validation.core.waiting import eventually
from validation.model.example import OK, UNAVAILABLE, Choice, Example
from validation.model.parts import OPTIONS, Part
from validation.model.state import FRESH_SECONDS
from validation.model.steps import Step, add_entries, choice_text

DATABASE_SECONDS = 5.0
STOP_SECONDS = 6.0
CATCHING_UP = 24


@dataclass(frozen=True)
class RestartConsumer(Step):
    """A consumer is killed or shut down while entries arrive, and started again."""

    kind = "restart of a consumer"
    consumer: int
    killed: bool

    def run(self, example: Example) -> None:
        """Add entries, stop it, and start it again without waiting."""
        consumer = example.parts.consumers[self.consumer]
        example.parts.wait_until_ready(consumer)
        add_entries(example, tuple(("a plain vote", OPTIONS[number % len(OPTIONS)]) for number in range(CATCHING_UP)))
        example.since.exact = False
        example.compare("restarts", f"{consumer.name} runs until it is stopped", True, consumer.child.alive)
        if self.killed:
            consumer.child.kill()
        else:
            ended = consumer.child.stop(STOP_SECONDS)
            example.compare("restarts", f"exit code of {consumer.name} after SIGTERM", 0, ended.value)
            names = [name for name in consumer.child.event_names() if name in protocol.SHUTDOWN_EVENTS]
            example.compare("restarts", f"shutdown events of {consumer.name}", list(protocol.SHUTDOWN_EVENTS), names)
        consumer.start()

    def __str__(self) -> str:
        how = "killed" if self.killed else "shut down"
        return f"Consumer {'ab'[self.consumer]} is {how} while {CATCHING_UP} votes arrive, and started again"


@dataclass(frozen=True)
class RestartApi(Step):
    """An API is killed or shut down while it gets votes. They are repeated on the other one, as the documents say."""

    kind = "restart of an API"
    api: int
    killed: bool
    choices: tuple[Choice, ...]

    def run(self, example: Example) -> None:
        """Stop it while votes are in flight, repeat all of them elsewhere, and start it again without waiting."""
        api, other = example.parts.apis[self.api], example.parts.apis[1 - self.api]
        example.parts.wait_until_ready(api, other)
        with ThreadPoolExecutor(1) as pool:
            flying = pool.submit(lambda: example.send(api, [example.vote(one) for one in self.choices], may_be_lost=True))
            if self.killed:
                api.child.kill()
            else:
                ended = api.child.stop(STOP_SECONDS)
                example.compare("restarts", f"exit code of {api.name} after SIGTERM", 0, ended.value)
            first = flying.result()[0]
        example.forget(api)
        again = example.send(other, [example.vote(one) for one in self.choices])[0]
        casts = [example.cast_of(api, one, reply, may_be_lost=True) for one, reply in zip(self.choices, first, strict=True)]
        example.model.cast([*casts, *(example.cast_of(other, one, reply) for one, reply in zip(self.choices, again, strict=True))])
        watching = example.watching
        if watching.api is api:
            gone = eventually(lambda: watching.watch.ended, bool, within=STOP_SECONDS)
            example.compare("event stream", f"event stream of {api.name} when it is gone", "ended", "open", holds=gone.held)
            watching.reconnect(other, example.watch_request(watching.last_id))
        api.start()

    def __str__(self) -> str:
        votes = ", ".join(map(choice_text, self.choices))
        how = "killed" if self.killed else "shut down"
        one, other = ("A", "B") if self.api == 0 else ("B", "A")
        return f"API {one} is {how} while it gets {votes}; API {other} gets the same again; API {one} starts again"


@dataclass(frozen=True)
class DatabaseAway(Step):
    """The APIs lose the database, and perhaps the consumers too. Votes are accepted, and old results are not told as new."""

    kind = "database away"
    who: str
    choices: tuple[Choice, ...]

    def run(self, example: Example) -> None:
        """Take the database away, vote, read the results when they must have expired, and give it back."""
        api = example.parts.apis[0]
        example.parts.wait_until_ready(*example.parts.all)
        proxies = [proxy for who, proxy in example.parts.away.items() if who in self.who]
        example.results(api)  # so that there is something old to tell
        for proxy in proxies:
            proxy.refuse(on=True)
            proxy.reset()
        example.away_since = time.monotonic()
        example.since.exact = example.since.exact and len(proxies) == 1
        try:
            replies = example.send(api, [example.vote(one) for one in self.choices])[0]
            example.model.cast(example.cast_of(api, one, reply) for one, reply in zip(self.choices, replies, strict=True))
            self._degraded(example, api, example.away_since)
        finally:
            for proxy in proxies:
                proxy.heal()
            example.away_since = 0.0
        for one in example.parts.apis:
            back = eventually(lambda: one.probe.send("GET", "/ready").status, lambda status: status == OK, within=DATABASE_SECONDS)  # noqa: B023 - called at once
            example.compare("degraded answers", f"readiness of {one.name} when the database is back", OK, back.value, holds=back.held)

    def _degraded(self, example: Example, api: Part, gone: float) -> None:
        example.results(api)
        eventually(lambda: time.monotonic() - gone, lambda passed: passed > FRESH_SECONDS, within=FRESH_SECONDS * 2)
        answer = example.one(api, example.request("GET", "/api/results"))
        example.compare(
            "degraded answers", "status of results that are too old, without the database", UNAVAILABLE, answer.status, evidence=answer
        )
        example.check_results(api, answer)
        ready = example.one(api, example.request("GET", "/ready"))
        expected = {"status": "unavailable", "redis": "connected", "database": "disconnected"}
        example.compare("degraded answers", "status of /ready without the database", UNAVAILABLE, ready.status, evidence=ready)
        example.compare("degraded answers", "body of /ready without the database", expected, ready.json())
        stream = example.one(api, example.request("GET", "/api/results/stream"))
        example.compare("degraded answers", "status of the event stream without the database", UNAVAILABLE, stream.status, evidence=stream)

    def __str__(self) -> str:
        return f"The {self.who} lose the database; API A gets {', '.join(map(choice_text, self.choices))}; the database comes back"
