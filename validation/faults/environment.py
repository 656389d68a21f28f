"""The system that faults befall: one API and two consumers behind links, with servers of their own."""

import dataclasses
import threading
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from anyio.from_thread import BlockingPortal

from validation.core import protocol
from validation.core.errors import NotProven
from validation.core.settings import RunSettings
from validation.core.waiting import eventually
from validation.faults.proxy.addresses import link_to, through
from validation.faults.reconciliation import SentVotes, reconcile
from validation.faults.workload import EVERY_SECONDS, WATCH_SECONDS, Watcher, Workload
from validation.probes.running.http import HttpProbe
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.targets.opening import open_target

if TYPE_CHECKING:
    from collections.abc import Collection

    from validation.faults.proxy.proxy import FaultProxy

STARTS_SECONDS = 20.0
FLOWS_SECONDS = 10.0
FEW = 3
SETTLES_SECONDS = 30.0
NO_LONGER_SECONDS = 3.0
"""How long to wait where the fault before has not settled either: what is lost for good does not come back."""
QUICK_PAUSES = (0.1, 0.2)
"""Of a voter and of the watcher in a quick run, in seconds: with as many votes as else, a third of its processor time goes into them."""
CONSUMER = {"BLOCK_MS": "100", "CLAIM_IDLE_MS": "500"}
POISON = {"option": "cats", "timestamp": "1700000000000", "request_id": "no UUID"}


class FaultEnvironment:
    """Start it once; then let faults come over it one after the other."""

    def __init__(self, settings: RunSettings, portal: BlockingPortal) -> None:
        self.target = open_target(dataclasses.replace(settings, run=f"{settings.run}-storm"))
        self.vote_pause, self.watch_pause = QUICK_PAUSES if settings.quick else (EVERY_SECONDS, WATCH_SECONDS)
        self.portal = portal
        self.poison: set[str] = set()
        self.api_is_out = False
        self.group_was_destroyed = False
        self.settled = True
        self.wrong = set[tuple[str, object]]()
        self.links: dict[str, FaultProxy] = {}
        self.ending = threading.Event()

    def start(self) -> None:
        """Bring everything up, let votes flow, and see that they are counted.

        Raises:
            NotProven: it does not start, or is wrong before any fault: then no fault can be told to have cost anything.
        """
        target = self.target
        target.start()
        for server in (target.redis, target.database):
            server.require_managed()
        redis, database = target.redis.url, target.database.url
        self.links = {
            "API to Redis": link_to(redis, target.proxy_host),
            "consumers to Redis": link_to(redis, target.proxy_host),
            "consumers to PostgreSQL": link_to(database, target.proxy_host),
        }
        self.stream, self.store = StreamProbe(redis), StoreProbe(database, self.portal)
        self.api = target.new_api({"REDIS_URL": through(redis, self.links["API to Redis"])})
        behind = {
            "REDIS_URL": through(redis, self.links["consumers to Redis"]),
            "DATABASE_URL": through(database, self.links["consumers to PostgreSQL"]),
        }
        self.consumers = [target.new_consumer(CONSUMER | behind | {"CONSUMER_NAME": name}) for name in ("a", "b")]
        for child in (self.api.process, *self.consumers):
            child.start()
        probe = HttpProbe(self.api.url)
        if not eventually(lambda: probe.answers("/ready"), bool, within=STARTS_SECONDS).held:
            raise NotProven(f"The system for the storm does not start: {self.api.process.output()[-300:]}")
        self.voters = Workload(probe, SentVotes(), self.vote_pause)
        self.watcher = Watcher(probe, lambda: not self.api_is_out, lambda: [self.api.process, *self.consumers], self.watch_pause)
        self.voters.start()
        self.watcher.start()
        if wrong := "; ".join(filter(None, [self.flows(), self.settle()])):
            raise NotProven(f"Votes are not even counted right where no fault befalls the system: {wrong}")

    def close(self) -> list[str]:
        """Take everything away; tell what could not be."""
        for part in ("watcher", "voters"):
            if hasattr(self, part):
                getattr(self, part).stop()
        for link in self.links.values():
            link.close()
        with suppress(AttributeError):
            self.stream.close()
        return self.target.close()

    def wait_for_the_api(self) -> None:
        """Wait until the API answers again, and watch it again."""
        eventually(lambda: self.voters.probe.answers("/health"), bool, within=STARTS_SECONDS)
        self.api_is_out = False

    def flows(self) -> str:
        """Wait until three more votes were cast; give what is wrong, or nothing."""
        begun = len(self.voters.sent_votes.cast)
        flowing = eventually(lambda: len(self.voters.sent_votes.cast) - begun, lambda more: more >= FEW, within=FLOWS_SECONDS)
        return "" if flowing.held else f"only {flowing.value} votes were cast in {FLOWS_SECONDS:.0f} s before it"

    def plant(self) -> None:
        """Put an entry among the votes that is none."""
        self.poison.add(self.stream.add(protocol.STREAM, POISON))

    def revive(self) -> list[str]:
        """Start again what has ended by itself, and tell of it: no fault leaves a process dead."""
        dead = [child for child in (self.api.process, *self.consumers) if not child.alive]
        told = [f"{child.name} ended by itself with {child.exit_code}: {child.output().strip()[-150:]}" for child in dead]
        for child in dead:
            child.start()
        return told

    def settle(self) -> str:
        """Let no new vote begin, and wait until all that were cast are counted; give what is not as it must be, or nothing."""
        within = SETTLES_SECONDS if self.settled else NO_LONGER_SECONDS
        self.voters.rest()
        answered = eventually(lambda: self.voters.resting, bool, within=within)
        drained = self.stream.wait_until_drained(within=within)
        self.settled = answered.held and drained.held
        wrong = [
            *([] if answered.held else ["votes are still not answered"]),
            *([] if drained.held else [f"not drained: {drained.value}"]),
            *self._unbalanced(),
            *self.watcher.wrong,
        ]
        self.watcher.wrong = []
        self.voters.go_on()
        return "; ".join(wrong)

    def _unbalanced(self) -> list[str]:
        """Tell what is not as it must be, and was so after the fault before: what one has cost is not held against the next."""
        ledger = self.store.whole_ledger()
        votes = reconcile(self.voters.sent_votes.accepted(), ledger, unpromised=ledger)
        counts = Counter({option: count for option, count in self.store.counts().items() if count})
        counts.subtract(dict(self.store.ledger_totals()))
        letters = Counter(fields.get("source_id", "") for _, fields in self.stream.entries_after(protocol.STREAM + protocol.DEAD_SUFFIX))
        if self.group_was_destroyed:  # a new group reads the stream anew: votes meet the ledger, malformed entries are buried again
            letters = Counter(set(letters))
        letters.subtract(self.poison)
        found: dict[str, Collection[object]] = {
            "accepted votes lost": votes.lost,
            "votes counted that nobody was promised": votes.phantom,
            "votes counted for another option": votes.wrong,
            "counts beside the sums of the ledger": [(option, more) for option, more in counts.items() if more],
            "dead letters too many or too few": [(letter, more) for letter, more in letters.items() if more],
            "votes never answered": self.voters.given_up,
        }
        before, self.wrong = self.wrong, {(what, one) for what, wrong in found.items() for one in wrong}
        new = {what: sorted((one for one in wrong if (what, one) not in before), key=str) for what, wrong in found.items()}
        return [f"{len(ones)} {what}: {ones[:3]}" for what, ones in new.items() if ones]
