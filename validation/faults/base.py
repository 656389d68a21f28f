"""What every fault has in common: it begins, it shows its effect, it ends. A fault without an effect proves nothing."""

from abc import ABC, abstractmethod

from validation.faults.environment import FaultEnvironment


class Fault(ABC):
    """A fault, used once.

    Attributes:
        seconds: how long it lasts.
        unready: what /ready must name while it lasts; empty if /ready may stay 200.
    """

    seconds: float = 1.0
    unready: str = ""

    @abstractmethod
    def begin(self, environment: FaultEnvironment) -> None:
        """Inject the fault."""

    @abstractmethod
    def effect(self, environment: FaultEnvironment) -> str:
        """Describe how the fault took effect; empty if it did not."""

    @abstractmethod
    def end(self, environment: FaultEnvironment) -> None:
        """Remove the fault."""


class ServerFault(Fault):
    """A fault inside Redis or PostgreSQL, whose process keeps running unless the fault ends it."""

    seconds = 1.2
