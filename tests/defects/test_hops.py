"""One seeded defect for each hop: the finding of the checkpoint that catches it names the hop at which the vote was last seen."""

import json
import re

import pytest

from validation.defects.catalogue import Defect, catalogue
from validation.defects.proving.bench import BRIEFLY
from validation.defects.proving.commands import report_of, run_checkpoints
from validation.defects.seeding import seeded_copy
from validation.hops.sightings import Hop

SECONDS = 180.0
ID = r"[0-9a-f]{8}-[0-9a-f-]{27}"
TABLE = [
    (Hop.ACCEPTED, "D525", "7.1", r"accepted by the API \(201 with stream id [0-9-]+\); not in the stream: no entry of votes has its id"),
    (Hop.STREAM, "D4", "6.1", r"in the stream \(added as entry [0-9-]+.*\); not delivered to a consumer: .* the group began after it"),
    (
        Hop.DELIVERED,
        "D526",
        "6.1",
        r"delivered to a consumer \(acknowledged; log of votecheck-\d+: vote_received at .*\); not in the ledger",
    ),
    (
        Hop.DEAD,
        "D3",
        "6.2",
        r"dead-lettered \(entry [0-9-]+ of \S+:dead, because: missing field vote\); not in the ledger: no row has its id",
    ),
    (Hop.LEDGER, "D527", "6.1", r"in the ledger: \d+ votes?\)"),
    (Hop.RESULTS, "D8", "6.2", r"\d+ \(in the results and not in the ledger: \d+ votes?, counted twice\)"),
]
"""Hop, defect, checkpoint, and what a finding says."""


def told(defect: Defect, checkpoint: str) -> list[str]:
    """Return what the findings of a checkpoint have observed."""
    with seeded_copy(defect) as copy:
        entries = run_checkpoints(copy, (checkpoint,), [*defect.flags, *BRIEFLY])
    return [one["observed"] for one in entries[checkpoint]["findings"]]


@pytest.mark.parametrize(("hop", "identifier", "checkpoint", "words"), TABLE, ids=[f"{row[0].name} {row[1]}" for row in TABLE])
def test_the_finding_names_the_hop(hop: Hop, identifier: str, checkpoint: str, words: str) -> None:
    found = told(catalogue()[identifier], checkpoint)
    last_seen = words if hop is Hop.RESULTS else f"last seen {words}" if hop is Hop.LEDGER else f"{ID}: last seen {words}"
    assert any(re.search(last_seen, one) for one in found), (hop, found)
    assert checkpoint in catalogue()[identifier].checkpoints


def test_there_is_a_defect_for_every_hop() -> None:
    assert [row[0] for row in TABLE] == list(Hop)


def test_a_load_run_names_the_hop_at_which_a_phantom_was_first_seen() -> None:
    defect = catalogue()["D95"]
    load = defect.load
    assert load is not None
    with seeded_copy(defect) as copy:
        words = ["load", load.scenario, "--source", str(copy), "--rate", str(load.rate), "--seconds", str(load.seconds)]
        with report_of(words, "load-latest/load.json", SECONDS) as results:
            found = json.loads(results.read_text(encoding="utf-8"))
    (check,) = (one for one in found["checks"] if one["what"] == "votes counted but never accepted")
    assert re.fullmatch(r"\d+ of \d+: \d+ phantom, first seen in the (stream|ledger)", check["seen"]), check
    assert any(re.search(rf"^never accepted {ID} .*; first seen in the .*; not accepted by the API", one)
               for one in found["reconciliation"]["listed"])  # fmt: skip
