import uuid

from hypothesis import given
from hypothesis import strategies as st

from system import contract
from system.errors import EntryMalformed

options = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=64)
votes = st.builds(contract.Vote, options, st.integers(0, contract.TIMESTAMP_MAX), st.uuids().map(str))


def raw(fields: dict[str, str]) -> dict[bytes, bytes]:
    return {name.encode(): value.encode() for name, value in fields.items()}


@given(votes)
def test_a_vote_survives_the_stream(vote: contract.Vote) -> None:
    assert contract.decode(raw(contract.encode(vote))) == vote


@given(st.dictionaries(st.sampled_from([b"option", b"timestamp", b"request_id"]) | st.binary(), st.binary()))
def test_any_entry_is_a_vote_or_is_malformed_with_a_reason(fields: dict[bytes, bytes]) -> None:
    try:
        decoded = contract.decode(fields)
    except EntryMalformed as malformed:
        reason = str(malformed)
    else:
        reason = "none" if isinstance(decoded, contract.Vote) else ""
    assert reason


@given(votes, st.sampled_from([b"option", b"timestamp", b"request_id"]), st.binary())
def test_a_decoded_entry_encodes_to_the_same_values(vote: contract.Vote, name: bytes, value: bytes) -> None:
    fields = {**raw(contract.encode(vote)), name: value}
    try:
        decoded = contract.decode(fields)
    except EntryMalformed:
        return
    again = raw(contract.encode(decoded))
    assert str(uuid.UUID(decoded.vote_id)) == decoded.vote_id
    assert {key: again[key] for key in (b"option", b"request_id")} == {key: fields[key] for key in (b"option", b"request_id")}
    assert int(again[b"timestamp"]) == int(fields[b"timestamp"])
