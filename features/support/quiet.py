"""Half a minute in which nobody votes, in the background: a page that follows the results, and a consumer that waits for votes.

The server tells the page from time to time that nothing has changed, and the consumer waits again and again without a word.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from anyio.from_thread import BlockingPortal

from features.support.api import probe_when_healthy
from features.support.streams import new_stream
from validation.core.waiting import eventually
from validation.probes.running.event_stream import EventStream, ServerEvent
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.targets.launching import LaunchingTarget
from validation.targets.process import Child

SCHEMA = "votecheck_quiet"
TIMES = 2
"""How often the page must hear that nothing has changed: the first time proves nothing about the second."""
QUIET_SECONDS = 30.0
BLOCK_MS = 6000
"""How long the consumer waits for a vote: longer than a server may take for any other reply, and several times in this trial."""
UNCHANGED = "unchanged"
STARTED = "consumer_group_created"


@dataclass(frozen=True, slots=True)
class Quiet:
    """What a page heard, and what the consumer logged since it began to wait."""

    heard: list[ServerEvent]
    logged: list[str]
    alive: bool
    evidence: str


@pytest.fixture(scope="session")
def quiet_trial(target: LaunchingTarget, portal: BlockingPortal) -> Iterator[Future[Quiet]]:
    """Begin the trial; the future has its result."""
    with ExitStack() as cleanup, ThreadPoolExecutor(1) as pool:
        for server in (target.redis, target.database):
            server.require_managed()
        store, stream, own = StoreProbe(target.database.url, portal), StreamProbe(target.redis.url), new_stream()
        store.stage_results(SCHEMA, {"cats": 3, "dogs": 4})
        api = target.new_api({"DATABASE_URL": f"{target.database.url}?search_path={SCHEMA}"})
        consumer = target.new_consumer(own.env | {"BLOCK_MS": str(BLOCK_MS)})
        page = EventStream(f"{api.url}/api/results/stream")
        cleanup.callback(store.drop, SCHEMA)
        for undo in (stream.close, lambda: stream.forget(own.name), api.process.stop, consumer.stop, page.close):
            cleanup.callback(undo)
        for child in (api.process, consumer):
            child.start()
        probe_when_healthy(api)
        page.start()
        yield pool.submit(_wait, page, consumer)


def _wait(page: EventStream, consumer: Child) -> Quiet:
    def heard() -> int:
        return sum(event.kind == UNCHANGED for event in page.everything)

    eventually(heard, lambda count: count >= TIMES or page.ended, within=QUIET_SECONDS)
    logged = consumer.event_names()
    since = logged[logged.index(STARTED) + 1 :] if STARTED in logged else ["it did not start"]
    return Quiet(page.everything, since, consumer.alive, consumer.output())
