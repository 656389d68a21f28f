"""A vote that is lost, late, doubled or a phantom is told with its hop and the evidence of each, on real servers."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from tests.unit import servers
from tests.unit.hops.world import CONSUMER, World
from validation.core import protocol
from validation.core.errors import NotProven
from validation.hops import tracer as tracing
from validation.hops.sightings import Hop, TracedVote
from validation.hops.sums import different_counts
from validation.hops.trace import Fate
from validation.hops.tracer import Tracer, by_hop, evidence, lines
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe

STARTED, AT_DEBUG = {"event": "consumer_starting", "log_level": "INFO"}, {"event": "consumer_starting", "log_level": "DEBUG"}
NOT_THERE = "last seen accepted by the API (201 with stream id 9999999999999-0)"


@pytest.fixture(scope="module")
def urls() -> Iterator[tuple[str, str, BlockingPortal]]:
    with servers.valkey() as redis, servers.migrated_postgres() as database, start_blocking_portal() as portal:
        yield redis.url, database.url, portal


@pytest.fixture
def world(urls: tuple[str, str, BlockingPortal]) -> World:
    return World(*urls)


def never_added(world: World) -> TracedVote:
    world.group()
    return world.accepted(added=False)


def never_added_without_a_key(world: World) -> TracedVote:
    world.group()
    return world.accepted(added=False, keyed=False)


def without_a_group(world: World) -> TracedVote:
    return world.accepted()


def not_delivered(world: World) -> TracedVote:
    world.group()
    return world.accepted()


def trimmed_before_delivery(world: World) -> TracedVote:
    vote = not_delivered(world)
    world.redis.xtrim(protocol.STREAM, maxlen=0)
    return vote


def group_at_the_end(world: World) -> TracedVote:
    vote = world.accepted()
    world.group("$")
    world.delivered()
    return vote


def trimmed_and_passed(world: World) -> TracedVote:
    vote = trimmed_before_delivery(world)
    world.added(str(uuid.uuid4()))
    world.delivered()
    world.logs = {CONSUMER: [AT_DEBUG, {"event": "processing_vote", "first": "1-0", "last": "9999999999999-0"}]}
    return vote


def pending(world: World) -> TracedVote:
    vote = not_delivered(world)
    world.delivered()
    return vote


def acknowledged(world: World) -> TracedVote:
    vote = pending(world)
    world.acknowledged(vote)
    return vote


def acknowledged_and_logged(world: World) -> TracedVote:
    vote = acknowledged(world)
    batch = {"first": "1-0", "last": vote.stream_id}
    world.logs = {CONSUMER: [STARTED, {"event": "processing_vote", "timestamp": "2026-01-01T12:13:14.156Z"} | batch]}
    return vote


def acknowledged_and_logged_by_id(world: World) -> TracedVote:
    vote = acknowledged(world)
    line = {"event": "vote_received", "timestamp": "2026-01-01T12:13:14.156Z", "stream_id": vote.stream_id, "vote_id": vote.vote_id}
    world.logs = {"another": [AT_DEBUG], CONSUMER: [AT_DEBUG, line]}
    return vote


def body_gone(world: World) -> TracedVote:
    vote = pending(world)
    world.redis.xdel(protocol.STREAM, vote.stream_id)
    return vote


def dead_lettered(world: World) -> TracedVote:
    vote = acknowledged(world)
    world.dead_lettered(vote, "unknown option")
    return vote


def counted_and_dead_lettered(world: World) -> TracedVote:
    vote = dead_lettered(world)
    world.counted(vote)
    return vote


def not_in_the_results(world: World) -> TracedVote:
    vote = acknowledged(world)
    world.counted(vote, times=0)
    return vote


def counted(world: World) -> TracedVote:
    vote = acknowledged(world)
    world.counted(vote)
    return vote


def changed_in_the_stream(world: World) -> TracedVote:
    world.group()
    vote = world.accepted(entry_option="dogs")
    world.counted(vote, "dogs")
    return vote


def changed_in_the_ledger(world: World) -> TracedVote:
    vote = pending(world)
    world.counted(vote, "dogs")
    return vote


def phantom_of_the_stream(world: World) -> TracedVote:
    world.group()
    vote = TracedVote(str(uuid.uuid4()))
    world.added(vote.vote_id)
    world.counted(TracedVote(vote.vote_id, "cats"))
    return vote


def phantom_of_the_ledger(world: World) -> TracedVote:
    world.group()
    vote = TracedVote(str(uuid.uuid4()))
    world.counted(TracedVote(vote.vote_id, "cats"))
    return vote


def counted_without_a_row(world: World) -> TracedVote:
    vote = acknowledged(world)
    world.execute("insert into votes (option, count) values ('cats', 1)")
    return vote


@pytest.mark.parametrize(
    ("made", "fate", "told"),
    [
        (never_added, Fate.LOST, f"{NOT_THERE}; not in the stream: no entry of votes has its id, and Redis"),
        (never_added_without_a_key, Fate.LOST, f"{NOT_THERE}; not in the stream: votes never had the entry"),
        (without_a_group, Fate.LATE, "for cats of votes); not delivered to a consumer: there is no group vote-processors"),
        (not_delivered, Fate.LATE, "for cats of votes); not delivered to a consumer: vote-processors has delivered up to 0-0"),
        (trimmed_before_delivery, Fate.LOST, "up to 0-0, and its entry was removed before it was delivered"),
        (group_at_the_end, Fate.LOST, f"no consumer ({CONSUMER}) has ever received an entry: the group began after it"),
        (trimmed_and_passed, Fate.LOST, "has logged that it received it: its entry was removed before it was delivered"),
        (pending, Fate.LATE, f"last seen delivered to a consumer (pending for consumer {CONSUMER} since"),
        (body_gone, Fate.LOST, f"last seen delivered to a consumer (pending for consumer {CONSUMER} since"),
        (acknowledged, Fate.LOST, "delivered to a consumer? vote-processors is past it, at"),
        (acknowledged_and_logged, Fate.LOST, f"delivered to a consumer (acknowledged; log of {CONSUMER}: processing_vote of 1-0 to"),
        (acknowledged_and_logged_by_id, Fate.LOST, f"{CONSUMER}: vote_received at 12:13:14.156); not in the ledger: no row has its id"),
        (dead_lettered, Fate.LOST, "of votes:dead, because: unknown option); not in the ledger: no row has its id"),
        (counted_without_a_row, Fate.LOST, "delivered to a consumer? vote-processors is past it"),
        (not_in_the_results, Fate.COUNTED, "not in the results: the count of cats is 0, for 1 rows"),
        (counted, Fate.COUNTED, "last seen in the results (the count of cats is 1, for 1 rows)"),
        (counted_and_dead_lettered, Fate.DOUBLED, "last seen in the results"),
        (changed_in_the_stream, Fate.WRONG, "for another option since it was in the stream (entry"),
        (changed_in_the_ledger, Fate.WRONG, "for another option since it was in the ledger (row for dogs"),
        (phantom_of_the_stream, Fate.PHANTOM, "not accepted by the API: no response with 201 named it"),
        (phantom_of_the_ledger, Fate.PHANTOM, "first seen in the ledger (row for cats, entry 7-0"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)  # fmt: skip
def test_a_vote_is_told_with_its_hop(world: World, made: Callable[[World], TracedVote], fate: Fate, told: str) -> None:
    vote = made(world)
    found = world.trace(vote)
    assert (found.fate, told in found.line) == (fate, True), found.line
    assert found.line.startswith(f"{vote.vote_id}: ")
    assert [one.hop for one in found.sightings] == list(Hop)


def test_a_phantom_of_the_stream_is_first_seen_there(world: World) -> None:
    assert ": first seen in the stream (entry " in world.trace(phantom_of_the_stream(world)).line


def test_a_vote_that_may_be_in_the_sums_without_a_row_is_unknown_there(world: World) -> None:
    results = world.trace(counted_without_a_row(world)).sightings[-1]
    assert (results.seen, results.evidence) == (None, "the count of cats is 1, for 0 rows: it may be among them")


def test_every_hop_is_shown_with_its_evidence(world: World) -> None:
    vote = dead_lettered(world)
    told = str(world.trace(vote)).splitlines()
    assert told[0] == f"vote {vote.vote_id} for cats: lost, last seen dead-lettered"
    assert told[1] == f"  accepted by the API     yes     201 with stream id {vote.stream_id}"
    assert told[2] == f"  in the stream           yes     Redis remembers its key with entry {vote.stream_id}, which votes no longer has"
    assert told[4].endswith("of votes:dead, because: unknown option")
    assert [line[26:34].strip() for line in told[1:]] == ["yes", "yes", "yes", "yes", "no", "no"]


def test_a_vote_that_votecheck_added_was_in_the_stream(world: World) -> None:
    world.group()
    vote = TracedVote(str(uuid.uuid4()), "cats", "added by votecheck", world.added("another"), added=True)
    world.delivered()
    world.acknowledged(vote)
    assert world.trace(vote).line.startswith(f"{vote.vote_id}: last seen in the stream (added as entry {vote.stream_id}")


@pytest.mark.parametrize("log", [[STARTED], [{"event": "redis_unavailable"}]])
def test_a_log_above_debug_does_not_prove_that_a_vote_was_not_delivered(world: World, log: list[dict[str, str]]) -> None:
    vote = trimmed_and_passed(world)
    world.logs = {CONSUMER: log, "at debug": [AT_DEBUG]}
    assert "acknowledged without being counted, or never delivered" in world.trace(vote).line


def refuse(why: str) -> NotProven:
    raise NotProven(why)


def test_a_hop_at_which_nobody_could_look_is_named(world: World) -> None:
    vote = pending(world)
    without_redis = Tracer(lambda: StreamProbe(""), lambda: world.store)
    without_both = Tracer(lambda: StreamProbe(""), lambda: StoreProbe("", world.portal))
    (no_redis,), (neither,) = without_redis.find([vote]), without_both.find([vote])
    assert no_redis.line.endswith("; in the stream? nobody could look: The stream cannot be read: no --redis-url was given.")
    assert [one.seen for one in no_redis.sightings] == [True, None, None, None, False, False]
    assert "The database cannot be read: no --database-url was given." in neither.sightings[-2].evidence
    gone = Tracer(lambda: StreamProbe(f"redis://127.0.0.1:{servers.free_port()}"), lambda: world.store)
    assert "nobody could look: Cannot read the stream" in gone.find([vote])[0].line


def test_few_votes_are_shown_in_full_and_the_others_are_counted_by_hop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "TRACED", 14)
    world.group()
    votes = [world.accepted() for _ in range(12)] + [world.accepted(added=False) for _ in range(8)]
    found = world.tracer.find(votes)
    told = evidence(found, len(votes)).splitlines()
    assert by_hop(found) == {"late, last seen in the stream": 12, "lost, last seen accepted by the API": 2}
    assert told[0] == "12 late, last seen in the stream; 2 lost, last seen accepted by the API; 6 more were not looked for"
    assert len(told) == 1 + 3 * 7
    assert len(lines(found)) == 10


def test_another_stream_is_traced_in_its_own_group(world: World) -> None:
    identifier = world.redis.xadd("other", {"option": "cats", "timestamp": "1", "request_id": "b" * 36})
    world.redis.xgroup_create("other", "readers", "0")
    (found,) = world.tracer.of("other", "readers").find([TracedVote("b" * 36, "cats", "added", identifier, added=True)])
    assert "not delivered to a consumer: readers has delivered up to 0-0" in found.line


def test_an_entry_is_found_without_its_stream_id(world: World) -> None:
    world.group()
    vote = TracedVote(str(uuid.uuid4()), "cats", "201")
    identifier = world.added(vote.vote_id)
    world.delivered()
    assert f"(pending for consumer {CONSUMER}" in world.trace(vote).line
    assert f"entry {identifier} for cats" in world.trace(vote).sightings[1].evidence


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (3, {}),
        (2, {"cats": "2 (last seen in the ledger: 1 vote)"}),
        (5, {"cats": "5 (in the results and not in the ledger: 2 votes, counted twice)"}),
    ],
)
def test_a_count_that_is_not_the_sum_of_the_ledger_says_on_which_side_votes_are(count: int, told: dict[str, str]) -> None:
    assert different_counts({"cats": count, "dogs": 1}, {"cats": 3, "dogs": 1}) == told
