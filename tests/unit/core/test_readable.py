"""Values in findings read as text: nothing of Python's syntax is left."""

from collections import namedtuple
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pytest

from validation.core.readable import readable

Group = namedtuple("Group", "pending lag last_id")  # noqa: PYI024 - like the one of redis


class Word(StrEnum):
    LATE = "late"


@dataclass(frozen=True)
class Place:
    kind: str
    seconds_left: float


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        (True, "yes"),
        ([], "none"),
        ((), "none"),
        ({}, "none"),
        (201, "201"),
        (1.50, "1.5"),
        ("cats", "cats"),
        (b"\xff{", "\\xff{"),
        (b"", "no bytes"),
        (["cats", "dogs"], "cats, dogs"),
        (("voting-secrets", None, None), "voting-secrets, none, none"),
        ([("cats", 1), ("dogs", 2)], "(cats, 1), (dogs, 2)"),
        (["", "a, b"], '"", "a, b"'),
        ({"option": "cats", "n": 3}, "option: cats, n: 3"),
        ({"b", "a"}, "a, b"),
        (Word.LATE, "late"),
        (Group(0, 2, "5-0"), "pending 0, lag 2, last id 5-0"),
        ([Place("Pod", 2.0)], "(kind Pod, seconds left 2)"),
        ({"spec": {"replicas": [1]}}, "spec: replicas: 1"),
    ],
)
def test_a_value_reads_as_text(value: Any, text: str) -> None:
    assert readable(value) == text
