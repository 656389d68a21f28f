"""Faults of a connection between a part and a server, injected by the fault proxy between them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from validation.core.waiting import consistently, eventually
from validation.faults.base import Fault
from validation.faults.environment import API_TO_REDIS, CONSUMERS_TO_POSTGRESQL, CONSUMERS_TO_REDIS, FaultEnvironment
from validation.faults.proxy.proxy import FaultProxy

EFFECT_SECONDS = 6.0
"""How long a fault may take to show its effect: a consumer that backs off does so for up to 3 s."""
ARRIVAL_SECONDS = 0.05
DELAY_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class _Action:
    """What the proxy does, and the counter that shows it."""

    inject: Callable[[FaultProxy], object]
    counter: str


def _refuse(proxy: FaultProxy) -> None:
    proxy.refuse(True)
    proxy.reset()


ACTIONS = {
    "is closed": _Action(FaultProxy.close_connections, "closed"),
    "is reset": _Action(FaultProxy.reset, "closed"),
    "is refused": _Action(_refuse, "refused"),
    "drops all traffic": _Action(lambda proxy: proxy.blackhole(True), "swallowed_bytes"),
    "is slow": _Action(lambda proxy: proxy.slow(DELAY_SECONDS), "delayed"),
    "drops replies": _Action(lambda proxy: proxy.drop_replies(True), "swallowed_bytes"),
}
AFTER_COMMAND = {(API_TO_REDIS, "drops replies"): ("XADD", "EVALSHA")}
"""The fault waits for one of these commands. The first dropped reply could otherwise answer a PING: the API would give the connection up
before any vote is at stake."""


class ConnectionFault(Fault):
    """A connection that fails in one way.

    Args:
        connection: a key of `FaultEnvironment.proxies`.
        action: how it fails, a key of `ACTIONS`.
    """

    def __init__(self, connection: str, action: str) -> None:
        self._connection, self._action = connection, ACTIONS[action]
        self._commands = AFTER_COMMAND.get((connection, action), ())
        self._before = 0

    def begin(self, environment: FaultEnvironment) -> None:
        """Make the proxy fail, at once or right before the reply to one of the commands."""
        proxy = environment.proxies[self._connection]
        self._before = getattr(proxy.counters, self._action.counter)
        if not self._commands:
            self._action.inject(proxy)
            return
        breakpoint_ = proxy.break_at(lambda command: command.label in self._commands, side="reply")
        if breakpoint_.wait(EFFECT_SECONDS).held:
            self._action.inject(proxy)
            breakpoint_.release()

    def effect(self, environment: FaultEnvironment) -> str:
        """Return what the proxy counted since the fault began."""
        counters, name = environment.proxies[self._connection].counters, self._action.counter
        count = eventually(lambda: getattr(counters, name) - self._before, bool, within=EFFECT_SECONDS).value
        return f"{name.replace('_', ' ')}: {count}" if count else ""

    def end(self, environment: FaultEnvironment) -> None:
        """Restore the connection."""
        environment.proxies[self._connection].heal()


class ResetAfterReply(Fault):
    """The consumers' connection to Redis is reset right after a reply: they wake up to both, and write to a connection that is gone."""

    def __init__(self) -> None:
        self._effect = ""

    def begin(self, environment: FaultEnvironment) -> None:
        """Freeze the consumers while the reply and the reset arrive."""
        breakpoint_ = environment.proxies[CONSUMERS_TO_REDIS].break_at(lambda command: command.label == "XREADGROUP", side="reply")
        if breakpoint_.wait(EFFECT_SECONDS).held:
            for consumer in environment.consumers:
                consumer.pause()
            breakpoint_.release_and_reset()
            consistently(lambda: None, lambda _: True, during=ARRIVAL_SECONDS)
            for consumer in environment.consumers:
                consumer.resume()
            self._effect = "XREADGROUP was answered, and the connection reset right after the reply"

    def effect(self, environment: FaultEnvironment) -> str:  # noqa: ARG002 - the interface of every fault
        """Return which reply came before the reset."""
        return self._effect

    def end(self, environment: FaultEnvironment) -> None:
        """Remove a breakpoint that no command has reached."""
        environment.proxies[CONSUMERS_TO_REDIS].heal()


def connection_faults() -> Iterator[tuple[str, Fault]]:
    """Yield every connection fault with its name."""
    for connection in (API_TO_REDIS, CONSUMERS_TO_REDIS, CONSUMERS_TO_POSTGRESQL):
        for action in ACTIONS:
            yield f"the connection from {connection} {action}", ConnectionFault(connection, action)
    yield f"the connection from {CONSUMERS_TO_REDIS} is reset right after a reply", ResetAfterReply()
