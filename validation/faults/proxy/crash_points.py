"""Names for the places between commands where a process may die."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from validation.faults.proxy.traffic import Command, Kind, Side

BY_COMMAND = {
    "XGROUP": "group asked for",
    "XAUTOCLAIM": "claimed",
    "XACK": "acknowledged",
    "MULTI": "dead letter begun",
    "EXEC": "dead letter and acknowledgement carried out",
    "XADD": "added",
    "EVALSHA": "added once",
    "connect": "connected to the database",
}
STATEMENTS = {"prepare": "statement prepared", "execute": "statement carried out and committed"}
BY_SCRIPT = {
    "XTRIM": "trimmed",
    "DELCONSUMER": "idle names removed",
    "XACK": "dead letter buried",
    "XADD": "added once, by the whole script",
}
NOT_A_STEP = frozenset({"HELLO", "CLIENT", "AUTH", "SELECT", "PING", "ssl", "terminate", "query"})


@dataclass(frozen=True, slots=True)
class Point:
    """A place: the n-th time that a step is about to be done, or is done and not yet told.

    Attributes:
        link: which link.
        step: the step, in words.
        turn: the how manieth time, from 1.
        side: `request`, before the server has it; `reply`, after it was carried out and before the reply is passed on.
    """

    link: Kind
    step: str
    turn: int
    side: Side

    def __str__(self) -> str:
        when = "before" if self.side == "request" else "after"
        return f"{when} {self.step}" + (f" ({self.turn})" if self.turn > 1 else "")

    def matcher(self) -> Callable[[Command], bool]:
        """Make the question for a breakpoint: it must be asked of every command of the link, from the first one on."""
        name, seen = Namer(), Counter[str]()

        def here(command: Command) -> bool:
            step = name(command)
            seen[step] += 1
            return step == self.step and seen[step] == self.turn

        return here


class Namer:
    """Says in words what a command does; it remembers whether a transaction is open."""

    def __init__(self) -> None:
        self._in_transaction: set[int] = set()

    def __call__(self, command: Command) -> str:
        """Name a step; an empty string for what belongs to the connection only."""
        word = command.label
        if word in NOT_A_STEP:
            return ""
        inside = command.connection in self._in_transaction
        if word == "MULTI":
            self._in_transaction.add(command.connection)
        elif word == "EXEC":
            self._in_transaction.discard(command.connection)
        if word == "XREADGROUP":
            return "new entries read" if command.words[-1] == ">" else "own pending read"
        if word == "EVAL":
            return next((step for part, step in BY_SCRIPT.items() if part in command.words[1]), word)
        if word in STATEMENTS:  # the other statements are the driver's, which asks for the types it will need
            return STATEMENTS[word] if "increment_votes" in command.words[1] else f"types asked for, {word}"
        step = BY_COMMAND.get(word, word)
        return f"dead letter {step}" if inside and word in {"XADD", "XACK"} else step


def points(link: Kind, commands: Iterable[Command], until: str) -> list[Point]:
    """List the places of a recorded run, up to the last step named `until` where there is one."""
    name, seen, found = Namer(), Counter[str](), list[Point]()
    last = 0
    for command in commands:
        if step := name(command):
            seen[step] += 1
            found.append(Point(link, step, seen[step], "request"))
            if command.answered:
                found.append(Point(link, step, seen[step], "reply"))
            if step == until:
                last = len(found)
    return found[:last] if last else found
