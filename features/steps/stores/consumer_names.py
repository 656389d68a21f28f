"""Steps about the names of consumers, which come and go with every deployment."""

from pytest_bdd import given, parsers, then, when

from features.support.consumers import Running
from features.support.long_life.own_system import OwnSystem
from validation.core import protocol
from validation.core.waiting import eventually
from validation.record.observe import Observe

OLD_MS, REMOVED_SECONDS = 601_000, 15.0
OWN = "votecheck-own"
REMEDY = "system/consumer/upkeep.py"
GIVEN = r"a group with (?P<count>\d+) names of killed consumers, (?P<old>\d+) of them idle for ten minutes and one of these with a vote"


@given(parsers.re(GIVEN), target_fixture="names_left")
def killed(long_lived: OwnSystem, count: str, old: str) -> list[str]:
    """Return the names that must stay: those that are younger, and the one that holds a vote."""
    names = [f"deploy-{number:05}" for number in range(int(count))]
    long_lived.keys.add_votes(protocol.STREAM, "names", 1, protocol.OPTIONS)
    long_lived.stream.deliver(protocol.STREAM, protocol.GROUP, names[0], 1)
    long_lived.keys.add_names(protocol.STREAM, protocol.GROUP, names[1:])
    long_lived.keys.age_names(protocol.STREAM, names[: int(old)], OLD_MS)
    return [*names[:1], *names[int(old) :]]


@when("a consumer is started on this group", target_fixture="running")
def started(long_lived: OwnSystem) -> Running:
    return long_lived.consumer(CONSUMER_NAME=OWN, CLAIM_IDLE_MS="60000")


@then("the other names stay, and these leave the group")
def leave(long_lived: OwnSystem, names_left: list[str], observe: Observe) -> None:
    expected = {*names_left, OWN}
    found = eventually(
        lambda: set(long_lived.keys.names(protocol.STREAM, protocol.GROUP)),
        lambda names: OWN in names and len(names) <= len(expected),
        within=REMOVED_SECONDS,
    )
    with observe.together():
        observe("names that should have left", expected=0, observed=len(found.value - expected), remedy=REMEDY)
        observe("names that should have stayed", expected=0, observed=len(expected - found.value), remedy=REMEDY)


@when("this consumer is stopped")
def stopped(running: Running) -> None:
    running.child.stop()


@then("its own name leaves the group")
def own_name(long_lived: OwnSystem, running: Running, observe: Observe) -> None:
    names = long_lived.keys.names(protocol.STREAM, protocol.GROUP)
    observe(f"{OWN} in the group", expected=False, observed=OWN in names, evidence=running.child.output()[-1000:], remedy=REMEDY)
