"""Steps about streams of the harness's own: filled before any consumer runs, counted by consumers of their own, removed afterwards."""

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from pytest_bdd import given, parsers, then, when

from validation.core import protocol
from validation.core.waiting import Waited, eventually
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import Group, StreamProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget

COUNTED_SECONDS = 25.0
TIMESTAMP = 1_700_000_000_000


@dataclass
class OwnStream:
    """A stream with a group of its own, and the votes that were put there.

    Attributes:
        name: the stream.
        group: the consumer group.
        votes: id → option, each of which must be counted once.
        planted: entries that are no votes: stream id → fields.
    """

    name: str
    group: str
    votes: dict[str, str] = field(default_factory=dict)
    planted: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        """The variables of a consumer on this stream: short waits, so that a scenario is short."""
        return {"STREAM_NAME": self.name, "CONSUMER_GROUP": self.group, "BLOCK_MS": "100", "CLAIM_IDLE_MS": "300"}

    def add(self, stream: StreamProbe, count: int, *, first_times: int = 1) -> None:
        """Put votes there as the contract says, the first of them several times."""
        fresh = {str(uuid.uuid4()): protocol.OPTIONS[i % 2] for i in range(count)}
        entries = [self._entry(vote_id, option) for vote_id, option in fresh.items()]
        stream.add_many(self.name, entries + entries[:1] * (first_times - 1))
        self.votes |= fresh

    def add_under(self, stream: StreamProbe, identifiers: list[str]) -> list[str]:
        """Put other votes there, under these stream ids."""
        fresh = {str(uuid.uuid4()): protocol.OPTIONS[i % 2] for i in range(len(identifiers))}
        self.votes |= fresh
        given_ids = zip(identifiers, fresh.items(), strict=True)
        return [stream.add(self.name, self._entry(*vote), identifier) for identifier, vote in given_ids]

    def wait_until_drained(self, stream: StreamProbe) -> Waited[Group | None]:
        """Wait until everything was delivered and acknowledged."""
        return stream.wait_until_drained(self.name, self.group, within=COUNTED_SECONDS)

    @staticmethod
    def _entry(vote_id: str, option: str) -> dict[str, str]:
        return {"option": option, "timestamp": str(TIMESTAMP), "request_id": vote_id}


@given(parsers.re(r"a new stream with (?P<count>\d+) votes$"), target_fixture="own")
def new_stream(count: str, target: LaunchingTarget, stream: StreamProbe, afterwards: Callable[..., None]) -> OwnStream:
    return new_own_stream(target, stream, afterwards, int(count))


@given(parsers.re(r"a new stream with (?P<count>\d+) votes, the first of them (?P<times>\d+) times"), target_fixture="own")
def new_stream_with_doubles(
    count: str, times: str, target: LaunchingTarget, stream: StreamProbe, afterwards: Callable[..., None]
) -> OwnStream:
    return new_own_stream(target, stream, afterwards, int(count), int(times))


@given("these entries among them")
def malformed_entries(own: OwnStream, stream: StreamProbe, datatable: list[list[str]]) -> None:
    names = datatable[0][1:]
    for _, *cells in datatable[1:]:
        fields = {name: cell for name, cell in zip(names, cells, strict=True) if cell != "(none)"}
        own.planted[stream.add(own.name, fields)] = fields
        own.add(stream, 1)


@then("each of these entries is a dead letter with its fields, its id and a reason")
def are_dead_letters(own: OwnStream, stream: StreamProbe, observe: Observe) -> None:
    dead = own.name + protocol.DEAD_SUFFIX
    letters = eventually(lambda: stream.entries_after(dead), lambda found: len(found) >= len(own.planted), within=COUNTED_SECONDS)
    by_source = {letter.get("source_id"): letter for _, letter in letters.value}
    with observe.together():
        observe("dead letters, by the id of their entry", expected=sorted(own.planted), observed=sorted(map(str, by_source)),
                evidence=letters.story, remedy="system/consumer/decide.py")  # fmt: skip
        for identifier, fields in own.planted.items():
            letter = by_source.get(identifier, {})
            observe(
                f"original fields of {fields}", expected=fields, observed={k: v for k, v in letter.items() if k in protocol.ENTRY_FIELDS}
            )
            observe(f"reason for {fields}", expected="some words", observed=letter.get("reason", ""), holds=bool(letter.get("reason")))


@then("every vote of the stream is counted once")
def all_counted(own: OwnStream, stream: StreamProbe, store: StoreProbe, observe: Observe) -> None:
    drained = own.wait_until_drained(stream)
    ledger = store.ledger(own.votes)
    lost = sorted(set(own.votes) - set(ledger))
    wrong = sorted(vote for vote, option in ledger.items() if option != own.votes[vote])
    group = drained.value
    with observe.together():
        observe(
            "votes that are not in the ledger",
            expected=[],
            observed=lost[:10],
            evidence=f"{len(lost)} of {len(own.votes)}\n{drained.story}",
        )
        observe("votes counted for another option", expected=[], observed=wrong[:10])
        observe("pending entries", expected=0, observed=group.pending if group else "no group", evidence=drained.story)
        observe("lag", expected=0, observed=group.lag if group else "no group", evidence=drained.story)
        counts, sums = store.counts(), store.ledger_totals()
        observe("counts beside the sums of the ledger", expected=dict(sums), observed={k: v for k, v in counts.items() if v},
                remedy="a vote was added to the counts without the ledger, or twice")  # fmt: skip


@given("Redis refuses XACK")
def redis_refuses_xack(stream: StreamProbe, target: LaunchingTarget, afterwards: Callable[..., None]) -> None:
    target.redis.require_managed()
    afterwards(lambda: stream.set_command("xack", allowed=True))
    stream.set_command("xack", allowed=False)


@then("its votes are in the database and all still pending")
def counted_and_pending(own: OwnStream, stream: StreamProbe, store: StoreProbe, observe: Observe) -> None:
    counted = eventually(lambda: len(store.ledger(own.votes)), lambda n: n == len(own.votes), within=COUNTED_SECONDS)
    group = stream.group(own.name, own.group)
    with observe.together():
        observe("votes in the ledger before the crash", expected=len(own.votes), observed=counted.value, evidence=counted.story)
        observe("pending entries before the crash", expected=len(own.votes), observed=group.pending if group else "no group")


@when("the settings of the live Redis are read", target_fixture="redis_settings")
def read_redis_settings(stream: StreamProbe) -> dict[str, str]:
    return stream.settings(*protocol.REDIS_SETTINGS)


@then("it keeps every write on disk and evicts nothing")
def keeps_every_write(redis_settings: dict[str, str], observe: Observe) -> None:
    with observe.together():
        for name, right in protocol.REDIS_SETTINGS.items():
            observe(name, expected=right, observed=redis_settings.get(name), remedy="the server's configuration")


@given(parsers.re(r"a consumer that took (?P<count>\d+) of them and died"))
def took_and_died(own: OwnStream, stream: StreamProbe, observe: Observe, count: str) -> None:
    stream.deliver(own.name, own.group, "votecheck-dead", int(count))
    group = stream.group(own.name, own.group)
    observe("pending with the dead consumer", expected=int(count), observed=group.pending if group else "no group")


def new_own_stream(
    target: LaunchingTarget, stream: StreamProbe, afterwards: Callable[..., None], count: int, first_times: int = 1
) -> OwnStream:
    """Fill a stream of this scenario's own; it is removed afterwards."""
    for server in (target.redis, target.database):
        server.require_managed()  # thousands of made-up votes have no place in somebody else's results
    token = secrets.token_hex(4)
    own = OwnStream(f"votecheck:{token}", f"votecheck-{token}")
    afterwards(lambda: stream.forget(own.name, own.name + protocol.DEAD_SUFFIX))
    own.add(stream, count, first_times=first_times)
    return own
