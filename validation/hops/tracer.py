"""Look for votes in Redis, in the database and in the logs of the consumers, and say at which hop each was last seen."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import islice

from validation.core import protocol
from validation.core.errors import NotProven, ProbeError
from validation.hops.logs import Logs
from validation.hops.sightings import Stored, TracedVote
from validation.hops.trace import Trace, trace
from validation.probes.running.places import Places, places
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe

TRACED = 200
"""Votes that are looked for at most."""
SHOWN = 3
"""Votes whose hops are all shown; of the others it is counted at which hop they were seen."""
LINES = 10
"""Votes with a line of their own."""


@dataclass(frozen=True, slots=True)
class Tracer:
    """Looks for votes.

    Args:
        stream: opens the Redis; raises NotProven if it cannot be read.
        store: opens the database; raises NotProven if it cannot be read.
        name, group: the stream and its consumer group.
        logs: returns the log of each consumer of a stream, by its name; none where they cannot be read.
    """

    stream: Callable[[], StreamProbe]
    store: Callable[[], StoreProbe]
    name: str = protocol.STREAM
    group: str = protocol.GROUP
    logs: Callable[[str], Logs] = lambda _: {}

    def of(self, name: str, group: str) -> "Tracer":
        """Return a tracer of another stream of the same Redis."""
        return replace(self, name=name, group=group)

    def find(self, votes: Iterable[TracedVote]) -> list[Trace]:
        """Return what is known of each vote, of 200 at most."""
        sought = {vote.vote_id: vote for vote in islice(votes, TRACED)}
        if not sought:
            return []
        stored, found, logs = self._stored(sought), self._places(sought), self.logs(self.name)
        return [trace(vote, found, stored, logs) for vote in sought.values()]

    def _stored(self, votes: Iterable[str]) -> Stored | str:
        try:
            store = self.store()
            asked = [vote for vote in votes if protocol.is_vote_id(vote)]
            return Stored(store.ledger_rows(asked), store.ledger_totals(), store.counts())
        except (NotProven, ProbeError) as error:
            return _why(error)

    def _places(self, votes: "dict[str, TracedVote]") -> Places | str:
        try:
            return places(self.stream(), {vote: sent.stream_id for vote, sent in votes.items()}, self.name, self.group)
        except (NotProven, ProbeError) as error:
            return _why(error)


def by_hop(traces: Iterable[Trace]) -> Counter[str]:
    """Count votes by their fate and the hop that answers for them: `lost, last seen in the stream`."""
    return Counter(f"{one.fate}, {one.where}" for one in traces)


def lines(traces: list[Trace]) -> tuple[str, ...]:
    """Return a line for each of the first votes: its id, its hop, the evidence."""
    return tuple(one.line for one in traces[:LINES])


def evidence(traces: list[Trace], total: int) -> str:
    """Return every hop of the first votes, and count all of them by hop.

    Args:
        traces: the votes that were looked for.
        total: how many there are in all.
    """
    counted = [f"{number} {what}" for what, number in by_hop(traces).most_common()]
    if total > len(traces):
        counted.append(f"{total - len(traces)} more were not looked for")
    return "\n".join(["; ".join(counted), *map(str, traces[:SHOWN])])


def _why(error: Exception) -> str:
    return f"nobody could look: {str(error).partition(chr(10))[0]}"
