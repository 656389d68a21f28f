"""The faults that a storm is made of. Each can tell whether it took effect: one that did not proves nothing."""

import signal
from collections.abc import Callable
from dataclasses import dataclass, field

from validation.core.waiting import consistently, eventually
from validation.faults.database import IN_TROUBLE as DATABASE_TROUBLE
from validation.faults.environment import STARTS_SECONDS, FaultEnvironment
from validation.faults.proxy.proxy import FaultProxy
from validation.faults.redis import IN_TROUBLE as REDIS_TROUBLE
from validation.targets.process import Child


@dataclass
class Fault:
    """Something bad that begins, is seen, and ends.

    Attributes:
        begin: makes it happen.
        end: takes it back.
        seen: says how it took effect; an empty string means that it did not.
        seconds: how long it lasts.
        unready: what /ready must name while it lasts; empty where it need not turn red.
    """

    begin: Callable[[FaultEnvironment], None]
    end: Callable[[FaultEnvironment], None]
    seen: Callable[[FaultEnvironment], str]
    seconds: float = 1.0
    unready: str = ""


@dataclass
class ProcessFault:
    """A process that is killed, asked to end, or frozen."""

    part: Callable[[FaultEnvironment], Child]
    how: str
    _pid: int = field(default=0)

    def begin(self, storm: FaultEnvironment) -> None:
        """Let it happen."""
        child = self.part(storm)
        self._pid = child.pid
        if child is storm.api.process:
            storm.api_is_out = True
        if self.how == "is killed":
            child.kill()
        elif self.how == "is asked to end":
            child.send(child.stop_signal if child.name in {"redis", "postgres"} else signal.SIGTERM)
        else:
            child.pause()

    def seen(self, storm: FaultEnvironment) -> str:
        """Tell what became of the process."""
        child = self.part(storm)
        if self.how == "is frozen":
            return "frozen" if child.frozen else ""
        code = child.wait(within=8.0).value
        expected = -signal.SIGKILL if self.how == "is killed" else 0
        return f"process {self._pid} ended with {code}" if code == expected else ""

    def end(self, storm: FaultEnvironment) -> None:
        """Bring it back."""
        child = self.part(storm)
        child.resume()
        if not child.alive:
            servers = {"redis": storm.target.redis, "postgres": storm.target.database}
            servers[child.name].start() if child.name in servers else child.start()
        if child is storm.api.process:
            storm.wait_for_the_api()
        elif child in storm.consumers and self.how != "is frozen":
            child.wait_for_event("consumer_group_exists", within=STARTS_SECONDS)  # a signal before that would meet no handler


@dataclass
class ProxyFault:
    """A link that fails in one way.

    Attributes:
        do, shows: how it fails, and the figure of its witness that tells.
        behind: the commands behind one of which it fails, before the reply; empty: at any moment.
    """

    link: str
    do: Callable[[FaultProxy], object]
    shows: str
    behind: tuple[str, ...] = ()

    _before: int = 0

    def begin(self, storm: FaultEnvironment) -> None:
        """Let it happen."""
        link = storm.links[self.link]
        self._before = getattr(link.witness, self.shows)
        if not self.behind:
            self.do(link)
            return
        held = link.hold(lambda command: command.label in self.behind, side="reply")
        if held.wait(WITHIN).held:
            self.do(link)
            held.release()

    def seen(self, storm: FaultEnvironment) -> str:
        """Tell what the link did."""
        witness = storm.links[self.link].witness
        done = eventually(lambda: getattr(witness, self.shows) - self._before, bool, within=WITHIN).value
        return f"{self.shows.replace('_', ' ')}: {done}" if done else ""

    def end(self, storm: FaultEnvironment) -> None:
        """Make it a good link again."""
        storm.links[self.link].heal()


@dataclass
class ResetBehindReply:
    """A consumer's link to Redis is reset right behind a reply: it wakes up to both, and writes to a connection that is gone."""

    _told: str = ""

    def begin(self, storm: FaultEnvironment) -> None:
        """Let it happen."""
        held = storm.links["consumers to Redis"].hold(lambda command: command.label == "XREADGROUP", side="reply")
        if held.wait(WITHIN).held:
            for consumer in storm.consumers:
                consumer.pause()
            held.release_and_reset()
            consistently(lambda: None, lambda _: True, during=ARRIVES_SECONDS)
            for consumer in storm.consumers:
                consumer.resume()
            self._told = "XREADGROUP was answered, and the connection reset behind the answer"

    def seen(self, storm: FaultEnvironment) -> str:  # noqa: ARG002 - as the others
        """Tell what was on its way."""
        return self._told

    def end(self, storm: FaultEnvironment) -> None:
        """It is a good link again already."""
        storm.links["consumers to Redis"].heal()


def _refuse(link: FaultProxy) -> None:
    link.refuse(True)
    link.reset()


PARTS: dict[str, Callable[[FaultEnvironment], Child]] = {
    "the API": lambda storm: storm.api.process,
    "consumer a": lambda storm: storm.consumers[0],
    "consumer b": lambda storm: storm.consumers[1],
    "Redis": lambda storm: storm.target.redis.require_managed(),
    "PostgreSQL": lambda storm: storm.target.database.require_managed(),
}
WITHIN = 6.0
"""How long a fault may take to be seen: a consumer that backs off does so for up to 3 s."""
ARRIVES_SECONDS = 0.05
UNREADY = {"Redis": "redis", "PostgreSQL": "database"}
LINK_FAULTS: dict[str, tuple[Callable[[FaultProxy], object], str]] = {
    "is cut": (FaultProxy.cut, "closed"),
    "is reset": (FaultProxy.reset, "closed"),
    "is refused": (_refuse, "refused"),
    "swallows everything": (lambda link: link.blackhole(True), "swallowed_bytes"),
    "is slow": (lambda link: link.slow(0.05), "delayed"),
    "loses the replies": (lambda link: link.drop_replies(True), "swallowed_bytes"),
}

BEHIND = {("API to Redis", "loses the replies"): ("XADD", "EVALSHA")}
"""Else the first reply to be lost may be one to a PING, for which the API gives the connection up: no vote is lost by it then."""


def _of(fault: ProcessFault | ProxyFault | ResetBehindReply, unready: str = "", seconds: float = 1.0) -> Fault:
    return Fault(fault.begin, fault.end, fault.seen, seconds, unready)


def every_fault() -> dict[str, Fault]:
    """List all faults by their name in the features."""
    found = {
        f"{part} {how}": _of(ProcessFault(child, how), UNREADY.get(part, ""), 2.5 if part in UNREADY and how == "is frozen" else 1.0)
        for part, child in PARTS.items()
        for how in ("is killed", "is asked to end", "is frozen")
    }
    for name in ("API to Redis", "consumers to Redis", "consumers to PostgreSQL"):
        for how, (do, shows) in LINK_FAULTS.items():
            found[f"the link of the {name} {how}"] = _of(ProxyFault(name, do, shows, BEHIND.get((name, how), ())))
    found["the link of the consumers to Redis is reset behind a reply"] = _of(ResetBehindReply())
    for trouble in (REDIS_TROUBLE, DATABASE_TROUBLE):
        for name, made in trouble.items():
            one = made()
            found[name] = Fault(one.begin, one.end, one.seen, one.seconds, one.unready)
    return found
