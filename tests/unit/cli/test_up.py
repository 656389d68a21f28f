"""`votecheck up` names how a part ended."""

from types import SimpleNamespace
from typing import Any

import pytest

from validation.cli.up import _how


@pytest.mark.parametrize(("code", "how"), [(0, "exit code 0"), (3, "exit code 3"), (-9, "signal 9, SIGKILL"), (-15, "signal 15, SIGTERM")])
def test_an_exit_is_named_by_code_or_signal(code: int, how: str) -> None:
    part: Any = SimpleNamespace(exit_code=code)
    assert _how(part) == how
