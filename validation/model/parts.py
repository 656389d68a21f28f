"""The real system beside the model: two APIs and two consumers, with a stream and a database of their own on the servers of the target."""

import itertools
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from anyio.from_thread import BlockingPortal

from validation.core import protocol
from validation.core.errors import ProbeError, TargetUnavailable
from validation.core.waiting import eventually
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.model import clocks
from validation.model.clients import Line
from validation.probes.running.http import HttpProbe
from validation.probes.running.own_databases import RedisNumber, new_database, url_of
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.targets.launching import LaunchingTarget
from validation.targets.ports import free_port
from validation.targets.process import Child

if TYPE_CHECKING:
    from validation.faults.proxy.proxy import FaultProxy

OPTIONS = ("owls", "cats", "yaks", "dogs", "ants", "eels", "bats")
"""Seven, and not in the order of the alphabet."""
NEAR = (("owls", 2**15 - 3), ("cats", 2**16 - 3), ("yaks", 2**31 - 3))
"""What an option has when an example begins, one after the other: a few votes below a limit of a number type."""
REMEMBER_SECONDS = 4
READY_SECONDS = 20.0
LINES = 8
READER = "model-reader"
"""The second group, which reads what it wants and acknowledges when it wants."""
ALL = 10_000
"""More entries than an example adds."""
CONSUMER = {"BLOCK_MS": "100", "CLAIM_IDLE_MS": "400", "BATCH_SIZE": "7"}


@dataclass
class Part:
    """An API or a consumer.

    Attributes:
        name: what steps call it.
        url: where it serves its API or its metrics.
        clock: the file of its clock.
        offsets: by how many seconds its clock has differed, and since when, in monotonic seconds.
    """

    name: str
    url: str
    child: Child
    clock: Path
    offsets: list[tuple[float, float]] = field(default_factory=lambda: [(0.0, 0.0)])
    lines: list[Line] = field(default_factory=list)

    @property
    def offset(self) -> float:
        """By how many seconds its clock differs now."""
        return self.offsets[-1][1]

    def offsets_since(self, since: float) -> list[float]:
        """Return by how many seconds its clock has differed since a monotonic time."""
        later = [offset for at, offset in self.offsets if at >= since]
        before = [offset for at, offset in self.offsets if at < since]
        return before[-1:] + later

    @property
    def probe(self) -> HttpProbe:
        """A client of its metrics and, if it is an API, of its readiness."""
        return HttpProbe(self.url)

    def start(self) -> None:
        """Start it, without waiting."""
        for line in self.lines:
            line.close()
        self.child.start()

    def set_clock(self, offset: float) -> None:
        """Set by how many seconds its clock differs from the machine's."""
        self.offsets.append((time.monotonic(), offset))
        clocks.write(self.clock, offset)


class Parts:
    """Both APIs, both consumers and their stores.

    Attributes:
        away: the fault proxies between APIs, or consumers, and the database.
    """

    def __init__(self, target: LaunchingTarget, portal: BlockingPortal) -> None:
        for server in (target.redis, target.database):
            server.require_managed()
        self._target = target
        self.folder = target.folder
        self._owned = ExitStack()
        self._near = itertools.cycle(NEAR)
        redis = url_of(target.redis.url, RedisNumber.MODEL)
        database = self._owned.enter_context(new_database(target.database.url, portal))
        self.stream, self.store = StreamProbe(redis), StoreProbe(database, portal)
        self.away: dict[str, FaultProxy] = {who: proxy_to(database, target.proxy_host) for who in ("APIs", "consumers")}
        shared = {"VOTE_OPTIONS": ",".join(OPTIONS), "REDIS_URL": redis}
        self.apis = [self._api(shared | {"DATABASE_URL": url_through(database, self.away["APIs"])}, name) for name in ("A", "B")]
        through = {"DATABASE_URL": url_through(database, self.away["consumers"])}
        self.consumers = [self._consumer(shared | through, name) for name in ("a", "b")]
        self.stream.forget(protocol.STREAM, protocol.STREAM + protocol.DEAD_SUFFIX)
        for part in self.all:
            part.start()
        target.migrate(database)  # meanwhile the others start

    @property
    def all(self) -> list[Part]:
        """Every part."""
        return [*self.apis, *self.consumers]

    def wait_until_ready(self, *parts: Part) -> None:
        """Wait until APIs serve, and consumers serve their metrics and have joined the group.

        Raises:
            TargetUnavailable: they do not.
        """
        for part in parts:
            path = "/ready" if part in self.apis else "/metrics"
            ready = eventually(lambda: part.probe.answers(path), bool, within=READY_SECONDS, never=lambda _: not part.child.alive)  # noqa: B023 - called at once
            if not ready.held:
                raise TargetUnavailable(
                    f"{part.name} is not ready: {part.child.output().strip()[-300:]}", "", "votecheck run --checkpoint 2.1"
                )
        grouped = eventually(
            lambda: self.stream.group(protocol.STREAM, protocol.GROUP), lambda found: found is not None, within=READY_SECONDS
        )
        if not grouped.held:
            raise TargetUnavailable("No consumer has joined its group.", "", "votecheck run --checkpoint 6.1")

    def begin_example(self) -> None:
        """Set a count near a limit of a number type, and acknowledge for the second group what the stream holds."""
        self.stream.deliver(protocol.STREAM, READER, "one", ALL)
        self.stream.acknowledge(protocol.STREAM, READER, [identifier for identifier, _ in self.stream.entries_after(protocol.STREAM)])
        option, count = next(self._near)
        self.store.run(
            f"insert into votes (option, count) values ('{option}', {count})"  # noqa: S608 - constants
            f" on conflict (option) do update set count = greatest(votes.count, {count})",
        )

    def restore(self) -> None:
        """Start again from nothing, after an example that went wrong."""
        for proxy in self.away.values():
            proxy.heal()
        for part in self.all:
            part.child.kill()
        self.stream.forget(protocol.STREAM, protocol.STREAM + protocol.DEAD_SUFFIX)
        self.store.run("truncate votes, vote_ledger")
        for part in self.all:
            part.set_clock(0.0)
            part.start()
        self.wait_until_ready(*self.all)

    def close(self) -> None:
        """Stop every part and remove the database and the stream."""
        for part in self.all:
            for line in part.lines:
                line.close()
            part.child.kill()
        for proxy in self.away.values():
            proxy.close()
        with suppress(ProbeError):
            self.stream.forget(protocol.STREAM, protocol.STREAM + protocol.DEAD_SUFFIX)
            self._owned.close()
        self.stream.close()

    def _api(self, env: Mapping[str, str], name: str) -> Part:
        api = self._target.new_api({**env, "IDEMPOTENCY_TTL": str(REMEMBER_SECONDS)})
        return self._part(f"API {name}", "api", api.url, api.process)

    def _consumer(self, env: Mapping[str, str], name: str) -> Part:
        port = free_port()
        child = self._target.new_consumer({**env, **CONSUMER, "CONSUMER_NAME": name, "METRICS_PORT": str(port)})
        return self._part(f"consumer {name}", "consumer", f"http://127.0.0.1:{port}", child)

    def _part(self, name: str, part: str, url: str, child: Child) -> Part:
        clock = self._target.folder / f"clock-{child.name}"
        clocks.write(clock, 0.0)
        clocks.on_clock_of(child, part, clock)
        return Part(name, url, child, clock, lines=[Line(url) for _ in range(LINES)])
