"""Says which defects are proven, and why."""

import pytest

from tests.defects.chosen import CHOSEN


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell it at the end, where it is read."""
    terminalreporter.section("defects that are proven")
    for told in CHOSEN.told:
        terminalreporter.line(told)
