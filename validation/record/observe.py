"""`observe`, the only way to assert in a step: it records expected and observed, and raises a Finding when they differ."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from validation.core.errors import Finding
from validation.core.inputs import Inputs, hidden
from validation.core.readable import with_kind
from validation.record.events import TEXT_MAX, Observed, cut, whole
from validation.record.evidence import PICTURE

_UNSET = object()
EMPTY = "(empty)"


class Observe:
    """Compares and records the facts of one scenario.

    Args:
        scenario: the scenario's id.
        emit: called with each observation.
        inputs: what the scenario gave to the system so far.
        machine: describes this machine since the scenario began if others saturated it, else returns an empty text.
        locate: returns the file of the source that the first of some texts names, or an empty text.
        keep: keeps a whole text, of a wrong observation or not, and returns its SHA-256; empty if it could not.
        keep_picture: does the same with a picture.
    """

    def __init__(  # noqa: PLR0913 - each is one part of what an observation records
        self,
        scenario: str,
        emit: Callable[[Observed], None],
        inputs: Inputs | None = None,
        machine: Callable[[], str] = lambda: "",
        locate: Callable[..., str] = lambda *_: "",
        *,
        keep: Callable[[str, bool], str] = lambda _text, _wrong: "",
        keep_picture: Callable[[bytes, bool], str] = lambda _png, _wrong: "",
    ) -> None:
        self.scenario = scenario
        self.inputs = inputs or Inputs()
        self.step = ""
        self.in_step = 0
        self._emit = emit
        self._machine = machine
        self._locate = locate
        self._keep = keep
        self._keep_picture = keep_picture
        self._together: list[Observed] | None = None

    def __call__(  # noqa: PLR0913 - the fields of a finding
        self,
        subject: str,
        *,
        expected: Any,
        observed: Any,
        holds: object = _UNSET,
        remedy: str = "",
        evidence: Any = "",
        given: str = "",
        timed: bool = False,
        file: str | Path = "",
        picture: bytes = b"",
    ) -> None:
        """Record one comparison.

        Args:
            subject: what is compared.
            expected: the value that the protocol demands.
            observed: the value that was read.
            holds: whether the observation is right; default: `expected == observed`.
            remedy: where to look first when it is wrong.
            evidence: supporting data for the report.
            timed: whether only the time decides: a machine that others saturate would give the same observation.
            given: what this one fact was observed with, as text; default: everything that the scenario gave to the system.
            picture: what was seen, as PNG.
            file: the file that it is about; default: the first one of the source that the subject, the remedy or the observed value names.

        Raises:
            Finding: the observation is wrong. Inside `together`, at the end of the block.
        """
        right = bool(expected == observed) if holds is _UNSET else bool(holds)
        parts = {"expected": whole(expected) or EMPTY, "observed": whole(observed) or EMPTY, "evidence": whole(evidence)}
        if cut(parts["expected"]) == cut(parts["observed"]) and not right and holds is _UNSET:
            parts |= {"expected": whole(with_kind(expected)), "observed": whole(with_kind(observed))}
        parts["input"] = "" if right else whole(hidden(given) or str(self.inputs))
        files = {name: self._keep(full, not right) for name, full in parts.items() if len(full) > TEXT_MAX}
        if picture:
            files[PICTURE] = self._keep_picture(picture, not right)
        machine = self._machine() if timed and not right else ""
        where = "" if right else self._locate(str(file), subject, remedy, cut(parts["observed"]))
        fact = Observed(
            self.scenario, self.step, subject, cut(parts["expected"]), cut(parts["observed"]), right, cut(parts["evidence"]), remedy,
            cut(parts["input"]), machine, where, {name: digest for name, digest in files.items() if digest},
        )  # fmt: skip
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
