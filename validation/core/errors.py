"""What can go wrong, kept apart so that harness trouble and a fault of the system never share a word:

Finding              the system is wrong: an observation that contradicts the protocol
NotProven            nothing is known to be wrong, and nothing could be seen: the reason is the message
HarnessError         the harness itself failed: what happened, the likely cause, the next command
├── UsageError           it was called wrongly
├── TargetUnavailable    the system could not be started or reached
└── ProbeError           a probe could not look
"""

from typing import Protocol


class Observation(Protocol):
    """What a finding needs of an observation; `validation.record` has the whole."""

    @property
    def subject(self) -> str:
        """What was compared."""

    @property
    def expected(self) -> str:
        """What the protocol demands."""

    @property
    def observed(self) -> str:
        """What was there."""


class Finding(AssertionError):
    """One or more observations contradict the protocol."""

    def __init__(self, *observations: Observation) -> None:
        super().__init__("; ".join(f"{o.subject}: expected {o.expected}, observed {o.observed}" for o in observations))
        self.observations = observations


class NotProven(Exception):
    """What the checkpoint asks for could not be observed here; the message says why."""


class HarnessError(Exception):
    """The harness failed.

    Args:
        what: what happened, one sentence.
        likely: the likely cause.
        next_command: what to do or run next.
    """

    def __init__(self, what: str, likely: str = "", next_command: str = "") -> None:
        lines = [what, f"Likely: {likely}" if likely else "", f"Next: {next_command}" if next_command else ""]
        super().__init__("\n".join(line for line in lines if line))


class UsageError(HarnessError):
    """A flag, an id or a file that the harness was given cannot be used."""


class TargetUnavailable(HarnessError):
    """The system could not be started or reached."""


class ProbeError(HarnessError):
    """A probe could not look."""
