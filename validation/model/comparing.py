"""Compares observed answers with the model, and counts what was compared."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from validation.core.readable import readable


class Differs(Exception):
    """An answer is not what the model says.

    Attributes:
        subject: what was compared.
        expected, observed: what the model says, and what the system said.
        evidence: supporting data.
    """

    def __init__(self, subject: str, expected: str, observed: str, evidence: str = "") -> None:
        super().__init__(f"{subject}: expected {expected}, observed {observed}")
        self.subject, self.expected, self.observed, self.evidence = subject, expected, observed, evidence


@dataclass
class Compare:
    """Compares, and counts how many answers of each kind were compared.

    Attributes:
        made: kind → comparisons.
    """

    made: Counter[str] = field(default_factory=Counter)

    def __call__(  # noqa: PLR0913 - what a finding shows, and of which kind it is
        self, kind: str, subject: str, expected: Any, observed: Any, *, holds: bool | None = None, evidence: object = ""
    ) -> None:
        """Compare one thing.

        Raises:
            Differs: it is wrong.
        """
        self.made[kind] += 1
        right = expected == observed if holds is None else holds
        if not right:
            raise Differs(subject, _text(expected), _text(observed), _text(evidence))


def differing(expected: Mapping[str, Any], observed: Mapping[str, Any]) -> str:
    """Return the entries in which two mappings differ, as text; empty if they are equal."""
    names = [name for name in [*expected, *(n for n in observed if n not in expected)] if expected.get(name) != observed.get(name)]
    return ", ".join(f"{name}: {_text(expected.get(name, 'none'))} / {_text(observed.get(name, 'none'))}" for name in names[:5])


def _text(value: object) -> str:
    return value if isinstance(value, str) else readable(value)
