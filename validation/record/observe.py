"""`observe`: the one way to assert in a step. It records a fact beside what the protocol says, and raises a Finding when they differ."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from validation.core.errors import Finding
from validation.record.events import Observed, text

_UNSET = object()


class Observe:
    """Compares, records and raises, for one scenario.

    Args:
        scenario: the scenario's id.
        emit: takes each observation.
    """

    def __init__(self, scenario: str, emit: Callable[[Observed], None]) -> None:
        self.scenario = scenario
        self.step = ""
        self.in_step = 0
        self._emit = emit
        self._together: list[Observed] | None = None

    def __call__(  # noqa: PLR0913 - the six things that a finding tells
        self, subject: str, *, expected: Any, observed: Any, holds: object = _UNSET, remedy: str = "", evidence: str = ""
    ) -> None:
        """Record that `subject` was expected and observed so.

        Args:
            subject: what was looked at.
            expected: what the protocol says.
            observed: what was seen.
            holds: whether it is right, where that is not plain equality.
            remedy: where to look when it is wrong.
            evidence: more of what was seen, for the report.

        Raises:
            Finding: it is wrong (at the end of the block, inside `together`).
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
        """Report every wrong observation of the block, not only the first."""
        outer, self._together = self._together, []
        try:
            yield
            wrong = self._together
        finally:
            self._together = outer
        if wrong:
            raise Finding(*wrong)

    def begin(self, step: str) -> None:
        """Say which step the next observations belong to."""
        self.step, self.in_step = step, 0
