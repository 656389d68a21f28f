"""Steps about numbers near the limits of the types that hold them."""

import uuid
from dataclasses import dataclass

from pytest_bdd import given, parsers, then, when

from features.support.long_life.own_system import OwnSystem
from features.support.long_life.visitors import Visitors
from validation.core import protocol
from validation.core.waiting import eventually
from validation.probes.running.http import HttpProbe
from validation.record.observe import Observe
from validation.targets.base import Api

OPTION, SECONDS = "cats", 8.0
SECOND_GROUP = "watchers"
GROUPS = {"first": "archive", "last": SECOND_GROUP}
"""Names that Redis lists before and after the group of the consumers."""
UPKEEP = "system/consumer/upkeep.py: the order of stream ids"
IDS = (
    "9007199254740992-0",
    "9007199254740992-9007199254740993",
    "9007199254740993-0",
    "10000000000000000000-0",
    "18446744073709551614-18446744073709551613",
    "18446744073709551614-18446744073709551614",
    "18446744073709551614-18446744073709551615",
)
"""Numbers of up to twenty digits. The last three ids are the same to a program that holds them in floating point."""
UNREAD = IDS[-2:]
"""What the second group has not read. Redis lists it after the group of the consumers, so that an undecided comparison is wrong."""


@dataclass
class Counting:
    """An API and a consumer that count a few votes at a time."""

    system: OwnSystem
    api: Api
    visitors: Visitors

    def result(self) -> dict[str, int]:
        """Return the counts that the API shows."""
        body = HttpProbe(self.api.url).send("GET", "/api/results").json() or {}
        return {one["option"]: one["count"] for one in body.get("results", ())}

    def counts_to(self, count: int) -> dict[str, int]:
        """Wait until the API shows a count, and return what it shows. The results of two seconds ago may still be there."""
        return eventually(self.result, lambda shown: shown.get(OPTION) == count, within=SECONDS, every=0.1).value

    def add(self, identifier: str) -> str:
        """Add a vote under an id, or under the next one of a millisecond, and return the id."""
        fields = {"option": OPTION, "timestamp": "1700000000000", "request_id": str(uuid.uuid4())}
        return self.system.keys.add(protocol.STREAM, identifier, fields)

    def settle(self, moment: str) -> None:
        """Wait until the consumer has trimmed once more. It does so after each vote that it counts, so the second vote shows it."""
        for _ in range(2):
            self.add(f"{moment}-*")
            self.system.stream.wait_until_drained(within=SECONDS)

    def set(self, statement: str) -> None:
        """Change the database as years of votes would."""
        self.system.store.run(statement)


@given("a system of its own that has counted a vote", target_fixture="counting")
def counted_one(long_lived: OwnSystem) -> Counting:
    long_lived.consumer(BATCH_SIZE="1")
    api = long_lived.api()
    counting = Counting(long_lived, api, Visitors(api.url))
    counting.visitors.vote(1)
    counting.counts_to(1)
    return counting


@when("every sequence of the database has given 2147483646 numbers")
def sequences(counting: Counting) -> None:
    """A sequence that cannot has a smaller type; it is left just before its end."""
    rows = counting.system.store.rows("select format('%I.%I', schemaname, sequencename) as name, max_value from pg_sequences")
    for name, most in [(row["name"], row["max_value"]) for row in rows]:
        counting.set(f"select setval('{name}', {min(2147483646, most - 1)})")


@then(parsers.parse("{votes:d} votes are counted exactly from each of these counts"))
def from_each(counting: Counting, votes: int, datatable: list[list[str]], observe: Observe) -> None:
    with observe.together():
        for what, start in datatable[1:]:
            counting.set(f"update votes set count = {start} where option = '{OPTION}'")  # noqa: S608 - numbers of the feature
            counting.visitors.vote(votes)
            expected = int(start) + votes
            shown = counting.counts_to(expected)
            stored = counting.system.store.counts()[OPTION]
            observe(f"the count after {votes} votes, {what}", expected=(expected, expected), observed=(shown.get(OPTION), stored))
    observe("entries that were given up", expected=0, observed=counting.system.keys.size(protocol.STREAM + protocol.DEAD_SUFFIX))


@then("the stream keeps what a second group still needs, whichever part of an id decides")
def order_of_ids(counting: Counting, datatable: list[list[str]], observe: Observe) -> None:
    stream = counting.system.stream
    with observe.together():
        for decides, place, does, done_with, needs in datatable[1:]:
            group, done, needed = GROUPS[place], done_with.split(", "), needs.split(", ")
            stream.deliver(protocol.STREAM, group, "reader", 1000)
            for identifier in done:
                counting.add(identifier)
            counting.system.keys.read_and_acknowledge(protocol.STREAM, group, "reader")
            for identifier in needed:
                counting.add(identifier)
            if does == "holds":
                stream.deliver(protocol.STREAM, group, "reader", 1000)
            counting.settle(needed[-1].partition("-")[0])
            kept = [identifier for identifier, _ in stream.entries_after(protocol.STREAM)]
            what = f"entries that the second group {does}, where {decides} decides and it is listed {place}"
            observe(what, expected=needed, observed=[one for one in kept if one in needed], remedy=UPKEEP, evidence=kept)
            observe(f"{what}: the entry before the last that it is done with", expected=False, observed=done[0] in kept, remedy=UPKEEP)
            stream.destroy_group(protocol.STREAM, group)


@when("votes are added under ids that floating-point numbers cannot tell apart, and a second group has not read the last two")
def large_ids(counting: Counting) -> None:
    counting.system.stream.deliver(protocol.STREAM, SECOND_GROUP, "watcher", 1000)
    for place, identifier in enumerate(IDS):
        vote_id = f"00000000-0000-4000-8000-{place:012}"
        counting.system.keys.add(protocol.STREAM, identifier, {"option": OPTION, "timestamp": "1700000000000", "request_id": vote_id})
        if identifier == IDS[-3]:
            counting.system.keys.read_and_acknowledge(protocol.STREAM, SECOND_GROUP, "watcher")


@then("every vote is counted, and those that the second group has not read are still there")
def large_ids_counted(counting: Counting, observe: Observe) -> None:
    expected = {f"00000000-0000-4000-8000-{place:012}": OPTION for place in range(len(IDS))}
    found = eventually(lambda: counting.system.store.ledger(expected), lambda ledger: ledger == expected, within=SECONDS)
    counting.system.stream.wait_until_drained(within=SECONDS)
    kept = [identifier for identifier, _ in counting.system.stream.entries_after(protocol.STREAM)]
    with observe.together():
        observe("votes in the ledger", expected=len(expected), observed=len(found.value), remedy="system/consumer/decide.py")
        unread = tuple(one for one in kept if one in UNREAD)
        observe("entries that the second group has not read", expected=UNREAD, observed=unread, remedy=UPKEEP)
        observe("entries that everybody has read", expected=[], observed=[one for one in kept if one not in IDS], remedy=UPKEEP)
