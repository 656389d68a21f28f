"""Names for the places between commands where a process can crash."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from validation.faults.proxy.traffic import Command, Side, WireProtocol

BY_COMMAND = {
    "XGROUP": "group requested",
    "XAUTOCLAIM": "claimed",
    "XACK": "acknowledged",
    "XADD": "added",
    "EVALSHA": "added once",
    "connect": "connected to the database",
}
STATEMENTS = {"prepare": "statement prepared", "execute": "statement executed"}
BY_SCRIPT = {
    "XTRIM": "trimmed",
    "DELCONSUMER": "idle names removed",
    "XACK": "dead letter and acknowledgement committed",
    "XADD": "added once, by the full script",
}
NOT_A_STEP = frozenset({"HELLO", "CLIENT", "AUTH", "SELECT", "PING", "INFO", "CONFIG", "ssl", "terminate"})


@dataclass(frozen=True, slots=True)
class CrashPoint:
    """A place: the n-th time that a step is about to happen, or has happened and was not reported yet.

    Attributes:
        protocol: the protocol of the proxy that the step passes through.
        step: the name of the step.
        turn: which occurrence of the step, from 1.
        side: `request`, before the command reaches the server; `reply`, after its execution and before the reply is forwarded.
    """

    protocol: WireProtocol
    step: str
    turn: int
    side: Side

    def __str__(self) -> str:
        when = "before" if self.side == "request" else "after"
        return f"{when} {self.step}" + (f" ({self.turn})" if self.turn > 1 else "")

    def matcher(self) -> Callable[[Command], bool]:
        """Return the condition for a breakpoint. It must see every command of the proxy, from the first one on."""
        seen = Counter[str]()

        def here(command: Command) -> bool:
            step = step_of(command)
            seen[step] += 1
            return step == self.step and seen[step] == self.turn

        return here


def step_of(command: Command) -> str:
    """Return the name of a command's step; empty for commands that only manage the connection or the transaction."""
    word = command.label
    if word in NOT_A_STEP:
        return ""
    if word == "query":
        return "statement committed" if command.words[1] == "commit" else ""
    if word == "XREADGROUP":
        return "new entries read" if command.words[-1] == ">" else "own pending read"
    if word == "EVAL":
        return next((step for part, step in BY_SCRIPT.items() if part in command.words[1]), word)
    if word in STATEMENTS:  # the other statements are the driver's, which looks up types
        return STATEMENTS[word] if "increment_votes" in command.words[1] else f"types looked up, {word}"
    return BY_COMMAND.get(word, word)


def crash_points(protocol: WireProtocol, commands: Iterable[Command], until: str) -> list[CrashPoint]:
    """List the crash points of a recorded run, up to the last step named `until` if there is one."""
    seen, found = Counter[str](), list[CrashPoint]()
    last = 0
    for command in commands:
        if step := step_of(command):
            seen[step] += 1
            found.append(CrashPoint(protocol, step, seen[step], "request"))
            if command.answered:
                found.append(CrashPoint(protocol, step, seen[step], "reply"))
            if step == until:
                last = len(found)
    return found[:last] if last else found
