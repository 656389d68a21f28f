"""Steps that fill a new stream with votes and malformed entries, and check what became of each."""

from collections.abc import Callable

from pytest_bdd import given, parsers, then, when

from features.support.reconciliation import observe_counts, observe_no_votes
from features.support.streams import COUNTED_SECONDS, OwnStream, new_own_stream
from validation.core import protocol
from validation.core.waiting import eventually
from validation.faults.reconciliation import reconcile
from validation.hops.tracer import Tracer
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget

ADDED_FIELDS = frozenset(protocol.DEAD_LETTER_FIELDS) - frozenset(protocol.ENTRY_FIELDS)
MINUTE_MS = 60_000
MANY_FIELDS = 20
"""An entry with more fields is described by their number."""

FURTHER_FIELDS = {"source": "kiosk", "weight": "2", "reason": "", "Option": "dogs", "traceparent": "none"}
"""Fields of another producer, some of which look as if they meant something."""


@given(parsers.re(r"a new stream with (?P<count>\d+) votes?$"), target_fixture="own")
def new_stream(count: str, target: LaunchingTarget, stream: StreamProbe, afterwards: Callable[..., None]) -> OwnStream:
    return new_own_stream(target, stream, afterwards, int(count))


@given(parsers.re(r"a new stream with (?P<count>\d+) votes, the first of them (?P<times>\d+) times"), target_fixture="own")
def new_stream_with_duplicates(
    count: str, times: str, target: LaunchingTarget, stream: StreamProbe, afterwards: Callable[..., None]
) -> OwnStream:
    return new_own_stream(target, stream, afterwards, int(count), int(times))


@given(parsers.re(r"(?P<count>\d+) more votes in it, each of them again for the other option"))
def contradicted_votes(own: OwnStream, stream: StreamProbe, count: str) -> None:
    own.add_contradicted(stream, int(count))


@given("a vote with further fields in it")
def vote_with_further_fields(own: OwnStream, stream: StreamProbe) -> None:
    own.add_with(stream, FURTHER_FIELDS)


@given("these malformed entries in it")
def malformed_entries(own: OwnStream, stream: StreamProbe, datatable: list[list[str]]) -> None:
    names = datatable[0][1:]
    for _, *cells in datatable[1:]:
        fields = {name: cell for name, cell in zip(names, cells, strict=True) if cell != "(none)"}
        own.malformed[stream.add(own.name, fields)] = fields
        own.add(stream, 1)


@given(parsers.re(r"a malformed entry with (?P<count>\d+) fields in it"))
def malformed_entry_with_fields(own: OwnStream, stream: StreamProbe, count: str) -> None:
    fields = {f"field {number}": str(number) for number in range(int(count))}
    own.malformed[stream.add(own.name, fields)] = fields
    own.add(stream, 1)


@then("each of these entries is in the dead-letter stream with its fields, its id and a reason")
def are_dead_letters(own: OwnStream, stream: StreamProbe, observe: Observe) -> None:
    malformed = own.malformed
    letters = eventually(lambda: stream.entries_after(own.dead_letters), lambda found: len(found) >= len(malformed), within=COUNTED_SECONDS)
    by_source = {letter.get("source_id"): letter for _, letter in letters.value}
    with observe.together():
        sources = sorted(str(letter.get("source_id")) for _, letter in letters.value)
        observe("dead-letter entries, by the id of the original", expected=sorted(malformed), observed=sources,
                evidence=letters.story, remedy="system/consumer/decide.py")  # fmt: skip
        for identifier, fields in malformed.items():
            letter = by_source.get(identifier, {})
            what = f"{len(fields)} fields" if len(fields) > MANY_FIELDS else str(fields)
            original = {name: value for name, value in letter.items() if name not in ADDED_FIELDS}
            observe(f"original fields of {what}", expected=fields, observed=original)
            observe(f"reason for {what}", expected="some text", observed=letter.get("reason", ""), holds=bool(letter.get("reason")))


@then("every vote of the stream is counted once")
def all_counted(own: OwnStream, stream: StreamProbe, store: StoreProbe, tracer: Tracer, observe: Observe) -> None:
    drained = own.wait_until_drained(stream)
    votes, group = reconcile(own.votes, store.ledger(own.votes)), drained.value
    tracer = tracer.of(own.name, own.group)
    with observe.together():
        observe("votes of the stream", expected="at least one", observed=votes.ok, holds=votes.ok > 0)
        lost = f"{len(votes.lost)} of {votes.ok}\n{drained.story}"
        observe_no_votes("votes that are not in the ledger", votes.lost, own.to_trace, tracer, observe, more=lost)
        observe_no_votes("votes counted for another option", votes.wrong, own.to_trace, tracer, observe)
        observe("pending entries", expected=0, observed=group.pending if group else "no group", evidence=drained.story)
        observe("lag", expected=0, observed=group.lag if group else "no group", evidence=drained.story)
        observe_counts(store, observe, "a vote was added to the counts without the ledger, or twice")


@given("a Redis that rejects XACK")
def redis_rejects_xack(stream: StreamProbe, target: LaunchingTarget, afterwards: Callable[..., None]) -> None:
    target.redis.require_managed()
    afterwards(lambda: stream.set_command("xack", allowed=True))
    stream.set_command("xack", allowed=False)


@then("every vote is in the ledger and still pending")
def counted_and_pending(own: OwnStream, stream: StreamProbe, store: StoreProbe, observe: Observe) -> None:
    counted = eventually(lambda: len(store.ledger(own.votes)), lambda n: n == len(own.votes), within=COUNTED_SECONDS)
    pending = own.pending(stream)
    with observe.together():
        observe("votes in the ledger before the crash", expected=len(own.votes), observed=counted.value, evidence=counted.story)
        observe("pending entries before the crash", expected=len(own.votes), observed=pending)


@when("the settings of the live Redis are read", target_fixture="redis_settings")
def read_redis_settings(stream: StreamProbe) -> dict[str, str]:
    return stream.settings(*protocol.REDIS_SETTINGS)


@then("they persist every write and evict nothing")
def persists_every_write(redis_settings: dict[str, str], observe: Observe) -> None:
    with observe.together():
        for name, value in protocol.REDIS_SETTINGS.items():
            observe(name, expected=value, observed=redis_settings.get(name), remedy="correct the configuration of the server")


@given(parsers.re(r"a consumer that read (?P<count>\d+) of them and died"))
def read_and_died(own: OwnStream, stream: StreamProbe, observe: Observe, count: str) -> None:
    stream.deliver(own.name, own.group, "votecheck-dead", int(count))
    observe("pending entries of the dead consumer", expected=int(count), observed=own.pending(stream))


@given(
    parsers.parse("{held:d} of them are in the hands of another consumer, and the other {dead:d} in those of one that died a minute ago"),
    target_fixture="left",
)
def behind_others(own: OwnStream, stream: StreamProbe, held: int, dead: int) -> list[str]:
    """Deliver the votes, and return the ids of those that the dead consumer had."""
    stream.deliver(own.name, own.group, "votecheck-alive", held)
    entries = [identifier for identifier, _ in stream.deliver(own.name, own.group, "votecheck-dead", dead)]
    stream.age(own.name, own.group, "votecheck-dead", entries, MINUTE_MS)
    return [vote for vote, identifier in own.entries.items() if identifier in entries]


@then(parsers.parse("the {dead:d} votes of the dead consumer are counted, and the {held:d} others are left to theirs"))
def only_of_the_dead(
    own: OwnStream, left: list[str], stream: StreamProbe, store: StoreProbe, dead: int, held: int, observe: Observe
) -> None:
    pending = eventually(lambda: own.pending(stream), lambda number: number == held, within=COUNTED_SECONDS)
    with observe.together():
        observe("votes of the dead consumer", expected=dead, observed=len(left))
        observe(
            "pending entries",
            expected=held,
            observed=pending.value,
            evidence=pending.story,
            remedy="claimed in system/consumer/recovery.py",
        )
        observe("counted votes", expected=sorted(left), observed=sorted(store.ledger(own.votes)))
