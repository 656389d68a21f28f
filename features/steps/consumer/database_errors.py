"""Steps with errors of the database that no vote has caused, each with a stream and a consumer of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pytest_bdd import given, parsers, then, when

from features.support.consumers import Running
from features.support.reconciliation import observe_counts
from features.support.streams import OwnStream, new_own_stream
from validation.core import protocol
from validation.core.waiting import eventually
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget
from validation.targets.process import Child

VOTES = 2
TRIED_SECONDS = 25.0
FAILS = """
create function {name}() returns trigger language plpgsql as $$ begin
  if new.stream_id = any(array['{entries}']) then raise exception 'votecheck' using errcode = '{code}'; end if;
  return new;
end $$;
create trigger {name} before insert on vote_ledger for each row execute function {name}()
"""
REMEDY = "REFUSED in system/db/store.py"


@dataclass(frozen=True, slots=True)
class Failing:
    """An error, the stream whose votes meet it, and what removes it."""

    what: str
    own: OwnStream
    remove: str


@given("a stream of two votes for each of these errors of the database", target_fixture="failing")
def streams_of_errors(
    datatable: list[list[str]], target: LaunchingTarget, stream: StreamProbe, store: StoreProbe, afterwards: Callable[..., None]
) -> list[Failing]:
    found = []
    for code, error in datatable[1:]:
        own = new_own_stream(target, stream, afterwards, VOTES)
        name = f"votecheck_fails_{own.name.partition(':')[2]}"
        found.append(Failing(f"{error} ({code})", own, f"drop function if exists {name} cascade"))
        afterwards(lambda remove=found[-1].remove: store.run(remove))
        store.run(FAILS.format(name=name, code=code, entries="','".join(own.entries.values())))
    return found


@when(parsers.parse("a consumer with MAX_RETRIES {times:d} tries to count the votes of each"), target_fixture="trying")
def consumers_try(failing: list[Failing], start_consumer: Callable[..., Running], times: int) -> list[Running]:
    return [start_consumer(**one.own.env, MAX_RETRIES=str(times)) for one in failing]


@then(parsers.parse("after {attempts:d} attempts all of them are pending, and none is a dead letter"))
def all_pending(failing: list[Failing], trying: list[Running], attempts: int, stream: StreamProbe, observe: Observe) -> None:
    with observe.together():
        for one, running in zip(failing, trying, strict=True):
            tried = eventually(partial(_attempts, running.child), lambda n: n >= attempts, within=TRIED_SECONDS)
            letters = stream.length(one.own.name + protocol.DEAD_SUFFIX)
            observe(f"{one.what}: attempts", expected=f"at least {attempts}", observed=tried.value, holds=tried.held,
                    evidence=running.child.output()[-2000:], timed=not tried.held)  # fmt: skip
            observe(f"{one.what}: pending entries, dead letters", expected=[VOTES, 0], observed=[one.own.pending(stream), letters],
                    evidence=running.child.output()[-2000:], remedy=REMEDY)  # fmt: skip


@when("the database has none of these errors any more")
def works_again(failing: list[Failing], store: StoreProbe) -> None:
    for one in failing:
        store.run(one.remove)


@then("every vote of each stream is counted once")
def all_counted(failing: list[Failing], stream: StreamProbe, store: StoreProbe, observe: Observe) -> None:
    with observe.together():
        for one in failing:
            drained = one.own.wait_until_drained(stream)
            observe(
                f"{one.what}: votes in the ledger", expected=one.own.votes, observed=store.ledger(one.own.votes), evidence=drained.story
            )
        observe_counts(store, observe)


def _attempts(consumer: Child) -> int:
    return consumer.event_names().count("processing_vote")
