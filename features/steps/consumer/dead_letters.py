"""Steps that watch what is done to a dead-letter stream: what is in it stays until an operator removes it."""

from collections.abc import Callable
from contextlib import ExitStack

from pytest_bdd import then, when

from features.support.consumers import Running
from features.support.streams import OwnStream
from validation.core.waiting import eventually
from validation.probes.running.redis_commands import Command
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe

SEEN_SECONDS = 5.0
SCRIPTS = frozenset({"EVAL", "EVALSHA"})
"""The commands that a script runs are watched themselves."""
READS = frozenset({"EXISTS", "TYPE", "XINFO", "XLEN", "XRANGE", "XREVRANGE"})


@when("a consumer is started on it, and every command to Redis is watched", target_fixture="commands")
def watched_consumer(
    start_consumer: Callable[..., Running], own: OwnStream, stream: StreamProbe, afterwards: Callable[..., None]
) -> list[Command]:
    watching = ExitStack()
    afterwards(watching.close)
    commands = watching.enter_context(stream.watched())
    start_consumer(**own.env)
    return commands


@then("no command bounds the dead-letter stream or takes anything out of it")
def nothing_is_removed(own: OwnStream, commands: list[Command], observe: Observe) -> None:
    def added() -> int:
        return sum(_adds(command, own.dead_letters) for command in commands)

    count = eventually(added, lambda number: number >= len(own.malformed), within=SEEN_SECONDS)
    about = [command for command in commands if own.dead_letters in command.words]
    others = [
        " ".join(command.words)[:200]
        for command in about
        if command.words[0].upper() not in SCRIPTS | READS and not (_adds(command, own.dead_letters) and command.words[2] == "*")
    ]
    with observe.together():
        observe("commands that name the dead-letter stream", expected="some", observed=len(about), holds=bool(about))
        observe("entries added to the dead-letter stream", expected=len(own.malformed), observed=count.value, evidence=count.story)
        observe("commands that bound it or take something out", expected=[], observed=others[:3], remedy="system/consumer/upkeep.py")


def _adds(command: Command, stream: str) -> bool:
    return command.words[0].upper() == "XADD" and command.words[1] == stream
