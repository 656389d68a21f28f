from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from system import contract
from system.consumer.decide import Entry, decide

OPTIONS = frozenset({"cats", "dogs"})

names = st.sampled_from([b"option", b"timestamp", b"request_id", b"junk"])
values = st.sampled_from([b"cats", b"fish", b"", b"\xff", b"0", b"-1"]) | st.binary(max_size=20) | st.uuids().map(lambda u: str(u).encode())
votes = st.builds(
    lambda option, vote_id: {b"option": option, b"timestamp": b"1", b"request_id": str(vote_id).encode()},
    st.sampled_from([b"cats", b"dogs", b"fish"]),
    st.uuids(),
)
bodies = votes | st.dictionaries(names, values)
ids = st.builds("{}-{}".format, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)).map(str.encode)
batches = st.lists(st.tuples(ids, bodies))


@given(batches)
def test_every_entry_goes_to_exactly_one_place(entries: list[Entry]) -> None:
    decision = decide(entries, OPTIONS)
    places = [vote.stream_id for vote in decision.votes] + [entry.stream_id for entry in decision.malformed] + decision.lost
    assert Counter(places) == Counter(stream_id.decode() for stream_id, _ in entries)


@given(batches)
def test_counted_votes_match_the_entries(entries: list[Entry]) -> None:
    counted = decide(entries, OPTIONS).votes
    sent = [
        (fields[b"request_id"].decode(), fields[b"option"].decode(), stream_id.decode())
        for stream_id, fields in entries
        if fields and _is_vote(fields) and fields[b"option"].decode() in OPTIONS
    ]
    assert [(str(vote.vote_id), vote.option, vote.stream_id) for vote in counted] == sent


@given(batches)
def test_a_dead_letter_keeps_all_fields_and_has_a_reason(entries: list[Entry]) -> None:
    for entry in decide(entries, OPTIONS).malformed:
        assert (entry.stream_id.encode(), entry.fields) in entries
        assert entry.reason


def _is_vote(fields: dict[bytes, bytes]) -> bool:
    try:
        contract.decode(fields)
    except contract.EntryMalformed:
        return False
    return True
