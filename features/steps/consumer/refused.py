"""Steps with a vote that the database refuses, among others that it takes."""

import uuid
from collections.abc import Callable

from pytest_bdd import given, then

from features.support.streams import COUNTED_SECONDS, TIMESTAMP, OwnStream
from validation.core import protocol
from validation.core.waiting import eventually
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe

REFUSAL = """
create function {name}() returns trigger language plpgsql as $$ begin
  if new.vote_id = '{vote}' then raise exception 'refused'; end if;
  return new;
end $$;
create trigger {name} before insert on vote_ledger for each row execute function {name}()
"""


@given("a vote in it that the database refuses", target_fixture="refused_entry")
def refused_vote(own: OwnStream, stream: StreamProbe, store: StoreProbe, afterwards: Callable[..., None]) -> str:
    vote_id = str(uuid.uuid4())
    name = f"votecheck_refuses_{vote_id[:8]}"
    afterwards(lambda: store.run(f"drop function if exists {name} cascade"))
    store.run(REFUSAL.format(name=name, vote=vote_id))
    return stream.add(own.name, {"option": protocol.OPTIONS[0], "timestamp": str(TIMESTAMP), "request_id": vote_id})


@then("the vote that the database refuses is the only dead letter")
def only_dead_letter(own: OwnStream, refused_entry: str, stream: StreamProbe, observe: Observe) -> None:
    found = eventually(lambda: stream.entries_after(own.dead_letters), bool, within=COUNTED_SECONDS)
    sources = [fields.get("source_id") for _, fields in found.value]
    observe("dead letters, by the id of the original", expected=[refused_entry], observed=sources, evidence=found.story,
            remedy="system/consumer/counting.py")  # fmt: skip
