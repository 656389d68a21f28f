"""`observe`, the only way to assert in a step: it records expected and observed, and raises a Finding when they differ."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from validation.core.errors import Finding
from validation.record.events import Observed, text

_UNSET = object()


class Observe:
    """Compares and records the facts of one scenario.

    Args:
        scenario: the scenario's id.
        emit: called with each observation.
    """

    def __init__(self, scenario: str, emit: Callable[[Observed], None]) -> None:
        self.scenario = scenario
        self.step = ""
        self.in_step = 0
        self._emit = emit
        self._together: list[Observed] | None = None

    def __call__(  # noqa: PLR0913 - the six fields of a finding
        self, subject: str, *, expected: Any, observed: Any, holds: object = _UNSET, remedy: str = "", evidence: str = ""
    ) -> None:
        """Record one comparison.

        Args:
            subject: what is compared.
            expected: the value that the protocol demands.
            observed: the value that was read.
            holds: whether the observation is right; default: `expected == observed`.
            remedy: where to look first when it is wrong.
            evidence: supporting data for the report.

        Raises:
            Finding: the observation is wrong. Inside `together`, at the end of the block.
        """
        right = bool(expected == observed) if holds is _UNSET else bool(holds)
        fact = Observed(self.scenario, self.step, subject, text(expected), text(observed), right, text(evidence), remedy)
        self.in_step += 1
        self._emit(fact)
        if right:
            return
        if self._together is None:
            raise Finding(fact)
        self._together.append(fact)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Raise one Finding with every wrong observation of the block, not only the first."""
        outer, self._together = self._together, []
        try:
            yield
            wrong = self._together
        finally:
            self._together = outer
        if wrong:
            raise Finding(*wrong)

    def begin(self, step: str) -> None:
        """Attribute the next observations to a step."""
        self.step, self.in_step = step, 0
