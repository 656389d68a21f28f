"""Votes that are wrong are a finding, with the hop of each, whatever the tracer finds."""

from anyio.from_thread import start_blocking_portal

from features.support.reconciliation import observe_no_votes
from tests.unit import servers
from validation.core.errors import Finding
from validation.hops.sightings import TracedVote
from validation.hops.tracer import Tracer
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.record.events import Observed
from validation.record.observe import Observe

LOST = "00000000-0000-4000-8000-000000000001"


def observed(lost: tuple[str, ...], *, found: bool = True) -> Observed:
    """Observe lost votes without a Redis and without a database that answers."""
    facts = list[Observed]()
    with start_blocking_portal() as portal:
        nowhere = f"postgresql://postgres@127.0.0.1:{servers.free_port()}/postgres"
        tracer = Tracer(lambda: StreamProbe(""), lambda: StoreProbe(nowhere, portal))
        try:
            to_trace = [TracedVote(one, "cats", "201 with stream id 5-0", "5-0", keyed=True) for one in lost] if found else []
            observe_no_votes("lost votes", lost, lambda _: to_trace, tracer, Observe("s", facts.append), more="1 of 2")
        except Finding:
            assert not facts[0].ok
    (fact,) = facts
    return fact


def test_a_lost_vote_is_a_finding_that_names_its_hop_and_the_hops_at_which_nobody_could_look() -> None:
    fact = observed((LOST,))
    assert not fact.ok
    assert f"{LOST}: last seen accepted by the API (201 with stream id 5-0)" in fact.observed
    assert fact.evidence.startswith("1 of 2\n1 lost, last seen accepted by the API\nvote 00000000-")
    assert "in the ledger           unknown nobody could look: Cannot read the database" in fact.evidence


def test_a_lost_vote_is_a_finding_even_if_nobody_could_look_for_it() -> None:
    assert not observed((LOST,), found=False).ok


def test_without_a_lost_vote_there_is_no_finding_and_nobody_looks() -> None:
    fact = observed(())
    assert (fact.ok, fact.evidence) == (True, "1 of 2")
