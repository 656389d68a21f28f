"""One scenario of a run, as its record tells it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from validation.record.events import Observed


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario of a run, with its outcome and observations.

    Attributes:
        row: its row of Examples; empty without one.
        template: its name in the feature, with the placeholders of the row.
        began, ended: when, in seconds since the epoch; 0 if that is not known.
        paused: seconds between two looks at something that it waited for.
        in_vain: its waits that ended at their limit.
    """

    id: str
    name: str
    feature: str
    checkpoints: tuple[str, ...]
    outcome: str
    reason: str
    seconds: float
    fidelity: str
    observations: tuple[Observed, ...]
    row: Mapping[str, str] = field(default_factory=dict)
    template: str = ""
    began: float = 0.0
    ended: float = 0.0
    paused: float = 0.0
    in_vain: tuple[str, ...] = ()

    @property
    def wrong(self) -> tuple[Observed, ...]:
        """The observations that contradict the protocol. A time limit missed on a machine that others saturated is not one."""
        return tuple(o for o in self.observations if not o.ok and not o.machine)
