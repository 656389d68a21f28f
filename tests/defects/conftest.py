"""Reports which defects were proven, and why."""

import pytest

from tests.defects.chosen import CHOSEN


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the choice at the end, where people read it."""
    terminalreporter.section("proven defects")
    for note in CHOSEN.notes:
        terminalreporter.line(note)
