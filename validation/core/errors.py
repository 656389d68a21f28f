"""The exceptions of the harness. A fault of the system and a failure of the harness never share a class:

Finding              the system is wrong: an observation contradicts the protocol
NotProven            nothing could be observed; the message says why
HarnessError         the harness failed: what failed, the likely cause, the next command
├── UsageError           votecheck was called wrongly
├── TargetUnavailable    the system could not be started or reached
└── ProbeError           a probe could not read what it needs
"""

from typing import Protocol

USAGE_EXIT, HARNESS_EXIT, INTERRUPTED_EXIT = 2, 3, 130
"""The exit codes of everything that is not a verdict."""


class Observation(Protocol):
    """The part of an observation that a finding needs; `validation.record.events` has all of it."""

    @property
    def subject(self) -> str:
        """What was compared."""

    @property
    def expected(self) -> str:
        """What the protocol demands."""

    @property
    def observed(self) -> str:
        """What was read."""


class Finding(AssertionError):
    """One or more observations contradict the protocol."""

    def __init__(self, *observations: Observation) -> None:
        super().__init__("; ".join(f"{o.subject}: expected {o.expected}, observed {o.observed}" for o in observations))
        self.observations = observations


class NotProven(Exception):
    """A checkpoint could not be observed here; the message says why, and how to get there."""


class HarnessError(Exception):
    """The harness failed.

    Args:
        what: what failed, with the valid values if there are few: "There is no target moon. Valid names: local, containers."
        likely: the likely cause, without a capital or a full stop.
        next_command: the command or change to try next.
    """

    def __init__(self, what: str, likely: str = "", next_command: str = "") -> None:
        lines = [what, f"Likely cause: {likely}" if likely else "", f"Try: {next_command}" if next_command else ""]
        super().__init__("\n".join(line for line in lines if line))


class UsageError(HarnessError):
    """An option, an id or a file given to votecheck cannot be used."""


class TargetUnavailable(HarnessError):
    """The system could not be started or reached."""


class ProbeError(HarnessError):
    """A probe could not read what it needs."""
