"""The system that faults are injected into: one API and two consumers behind fault proxies, with servers of their own."""

import dataclasses
import threading
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from anyio.from_thread import BlockingPortal

from validation.core import protocol
from validation.core.errors import NotProven
from validation.core.settings import RunSettings
from validation.core.waiting import eventually
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.faults.reconciliation import SentVotes, reconcile
from validation.faults.workload import CHECK_SECONDS, VOTE_SECONDS, Watcher, Workload
from validation.hops.sums import told
from validation.hops.tracer import Tracer, lines
from validation.probes.running.http import HttpProbe
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.targets.opening import open_target

if TYPE_CHECKING:
    from collections.abc import Collection

    from validation.faults.proxy.proxy import FaultProxy

API_TO_REDIS, CONSUMERS_TO_REDIS, CONSUMERS_TO_POSTGRESQL = "the API to Redis", "the consumers to Redis", "the consumers to PostgreSQL"
"""The connections that have a fault proxy."""
START_SECONDS = 20.0
FLOW_SECONDS = 10.0
FLOW_VOTES = 3
SETTLE_SECONDS = 30.0
SETTLE_AGAIN_SECONDS = 3.0
"""The wait after a fault whose predecessor did not settle either: what is lost for good does not come back."""
QUICK_INTERVALS = (0.1, 0.2)
"""Seconds between two votes of a voter and two checks of the watcher in a quick run. Otherwise votes take a third of its CPU time."""
CONSUMER = {"BLOCK_MS": "100", "CLAIM_IDLE_MS": "500", "LOG_LEVEL": "DEBUG"}
BY_ID = ("accepted votes lost", "votes counted but never accepted", "votes counted for another option")
COUNTS = "counts that differ from the sums of the ledger"
POISON = {"option": "cats", "timestamp": "1700000000000", "request_id": "no UUID"}


class FaultEnvironment:
    """A running system, its workload and its watcher. It is started once; faults are then injected one after the other.

    Attributes:
        proxies: the fault proxy of each connection.
        api_down: whether a fault has made the API unavailable on purpose.
        ending: set when the run ends early.
    """

    def __init__(self, settings: RunSettings, portal: BlockingPortal) -> None:
        self.target = open_target(dataclasses.replace(settings, run=f"{settings.run}-faults"))
        self._vote_seconds, self._check_seconds = QUICK_INTERVALS if settings.quick else (VOTE_SECONDS, CHECK_SECONDS)
        self._portal = portal
        self._poison: set[str] = set()
        self.api_down = False
        self.group_was_destroyed = False
        self._settled = True
        self._known_errors = set[tuple[str, object]]()
        self.proxies: dict[str, FaultProxy] = {}
        self.ending = threading.Event()

    def start(self) -> None:
        """Start the system and the workload, and check that votes are counted.

        Raises:
            NotProven: the system does not start, or is wrong before any fault, so that no error could be attributed to a fault.
        """
        target = self.target
        target.start()
        for server in (target.redis, target.database):
            server.require_managed()
        redis, database = target.redis.url, target.database.url
        self.proxies = {
            API_TO_REDIS: proxy_to(redis, target.proxy_host),
            CONSUMERS_TO_REDIS: proxy_to(redis, target.proxy_host),
            CONSUMERS_TO_POSTGRESQL: proxy_to(database, target.proxy_host),
        }
        self.stream, self.store = StreamProbe(redis), StoreProbe(database, self._portal)
        self._tracer = Tracer(lambda: self.stream, lambda: self.store, logs=target.consumer_logs)
        self.api = target.new_api({"REDIS_URL": url_through(redis, self.proxies[API_TO_REDIS])})
        urls = {
            "REDIS_URL": url_through(redis, self.proxies[CONSUMERS_TO_REDIS]),
            "DATABASE_URL": url_through(database, self.proxies[CONSUMERS_TO_POSTGRESQL]),
        }
        self.consumers = [target.new_consumer(CONSUMER | urls | {"CONSUMER_NAME": name}) for name in ("a", "b")]
        for child in (self.api.process, *self.consumers):
            child.start()
        probe = HttpProbe(self.api.url)
        if not eventually(lambda: probe.answers("/ready"), bool, within=START_SECONDS).held:
            raise NotProven(f"The system for fault injection does not start: {self.api.process.output()[-300:]}")
        self.workload = Workload(probe, SentVotes(), self._vote_seconds)
        self.watcher = Watcher(probe, lambda: not self.api_down, lambda: [self.api.process, *self.consumers], self._check_seconds)
        self.workload.start()
        self.watcher.start()
        if wrong := "; ".join(filter(None, [self.wait_for_votes(), self.settle()])):
            raise NotProven(f"Votes are miscounted even without a fault: {wrong}")

    def rest(self) -> None:
        """Stop the traffic: after the last fault it would only take processors from other scenarios."""
        for part in ("watcher", "workload"):
            if hasattr(self, part):
                getattr(self, part).stop()

    def close(self) -> list[str]:
        """Stop and remove everything, and return what could not be removed."""
        self.rest()
        for proxy in self.proxies.values():
            proxy.close()
        with suppress(AttributeError):
            self.stream.close()
        return self.target.close()

    def wait_for_api(self) -> None:
        """Wait until the API answers again; from then on the watcher reports when it does not."""
        eventually(lambda: self.workload.probe.answers("/health"), bool, within=START_SECONDS)
        self.api_down = False

    def wait_for_votes(self) -> str:
        """Wait until three more votes were cast. Return an error, or an empty string."""
        begun = len(self.workload.sent_votes.cast)
        flowing = eventually(lambda: len(self.workload.sent_votes.cast) - begun, lambda more: more >= FLOW_VOTES, within=FLOW_SECONDS)
        return "" if flowing.held else f"only {flowing.value} votes were cast in {FLOW_SECONDS:.0f} s before it"

    def add_poison(self) -> None:
        """Add a malformed entry among the votes."""
        self._poison.add(self.stream.add(protocol.STREAM, POISON))

    def restart_exited(self) -> list[str]:
        """Restart every process that exited by itself, and return an error for each: no fault may leave a process dead."""
        dead = [child for child in (self.api.process, *self.consumers) if not child.alive]
        errors = [f"{child.name} exited by itself with {child.exit_code}: {child.output().strip()[-150:]}" for child in dead]
        for child in dead:
            child.start()
        return errors

    def settle(self) -> str:
        """Pause the workload and wait until every vote is counted. Return what is wrong, or an empty string."""
        within = SETTLE_SECONDS if self._settled else SETTLE_AGAIN_SECONDS
        self.workload.pause()
        answered = eventually(lambda: self.workload.idle, bool, within=within)
        drained = self.stream.wait_until_drained(within=within)
        self._settled = answered.held and drained.held
        wrong = [
            *([] if answered.held else ["votes are still unanswered"]),
            *([] if drained.held else [f"not drained: {drained.value}"]),
            *self._new_errors(),
            *self.watcher.wrong,
        ]
        self.watcher.wrong = []
        self.workload.resume()
        return "; ".join(wrong)

    def _new_errors(self) -> list[str]:
        """Reconcile every vote; return the errors that were not there after the previous fault, so that each fault answers for its own."""
        ledger = self.store.whole_ledger()
        votes = reconcile(self.workload.sent_votes.accepted(), ledger, unpromised=ledger)
        counts = Counter({option: count for option, count in self.store.counts().items() if count})
        counts.subtract(dict(self.store.ledger_totals()))
        letters = Counter(fields.get("source_id", "") for _, fields in self.stream.entries_after(protocol.STREAM + protocol.DEAD_SUFFIX))
        if self.group_was_destroyed:  # a new group reads the stream from its start: malformed entries become dead letters once more
            letters = Counter(set(letters))
        letters.subtract(self._poison)
        found: dict[str, Collection[Any]] = {
            **dict(zip(BY_ID, (votes.lost, votes.never_accepted, votes.wrong), strict=True)),
            COUNTS: [(option, more) for option, more in counts.items() if more],
            "dead letters too many or too few": [(letter, more) for letter, more in letters.items() if more],
            "votes never answered": self.workload.given_up,
        }
        before, self._known_errors = self._known_errors, {(what, one) for what, wrong in found.items() for one in wrong}
        new = {what: sorted((one for one in wrong if (what, one) not in before), key=str) for what, wrong in found.items()}
        by_option = [f"{option} {told(more)}" for option, more in new.pop(COUNTS)]
        return [
            *(f"{len(ones)} {what}: {self._told(what, ones)}" for what, ones in new.items() if ones),
            *([f"{COUNTS}: {', '.join(by_option)}"] if by_option else []),
        ]

    def _told(self, what: str, wrong: list[Any]) -> str:
        """Return the first wrong ones; votes with the hop at which each was last seen."""
        if what not in BY_ID:
            return str(wrong[:3])
        return "; ".join(lines(self._tracer.find(self.workload.sent_votes.to_trace(str(one) for one in wrong[:3]))))
