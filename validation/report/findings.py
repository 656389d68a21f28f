"""The findings of a checkpoint as its readers need them: repeated ones are grouped, each with scenario, row, input and command."""

import re
from dataclasses import dataclass

from validation.record.events import Observed
from validation.record.results import CheckpointResult
from validation.record.scenario import Scenario
from validation.record.verdicts import Run
from validation.report.text import counted

_VARIES = re.compile(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b\d{13}-\d+\b|\b\d+\.\d+\b|\b\d{4,}\b")
"""Ids, times and measured numbers: two findings that differ only in these have the same shape."""
ROWS_MAX = 3
"""How many inputs a short report shows of one group."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One wrong observation and its scenario."""

    scenario: Scenario
    observed: Observed

    @property
    def where(self) -> str:
        """The scenario and its feature."""
        return f"{self.scenario.name} ({self.scenario.feature})"

    @property
    def row(self) -> str:
        """The row of Examples; empty without one."""
        return ", ".join(f"{name}: {value}" for name, value in self.scenario.row.items())


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """Findings of the same shape: same subject, expected and observed value."""

    findings: tuple[Finding, ...]

    @property
    def first(self) -> Observed:
        """The observation that stands for all of them."""
        return self.findings[0].observed

    @property
    def title(self) -> str:
        """The subject, and how often it was wrong."""
        return self.first.subject if len(self.findings) == 1 else f"{self.first.subject}, {counted(len(self.findings), 'time')}"

    @property
    def scenarios(self) -> tuple[str, ...]:
        """The names that repeat exactly these scenarios: that of an outline if several of its rows are here."""
        filled: dict[str, list[str]] = {}
        for one in self.findings:
            filled.setdefault(one.scenario.template or one.scenario.name, []).append(one.scenario.name)
        return tuple(template if len(set(names)) > 1 else names[0] for template, names in filled.items())


def grouped(result: CheckpointResult) -> tuple[FindingGroup, ...]:
    """Group the findings of a checkpoint by shape, in order."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for scenario in result.scenarios:
        for one in scenario.wrong:
            groups.setdefault(shape(one), []).append(Finding(scenario, one))
    return tuple(FindingGroup(tuple(members)) for members in groups.values())


def shape(one: Observed) -> tuple[str, ...]:
    """Return what findings that are alike share."""
    return tuple(_VARIES.sub("…", text) for text in (one.subject, one.expected, one.observed, one.remedy))


def failed_scenarios(run: Run, result: CheckpointResult) -> tuple[str, ...]:
    """Return the names of the scenarios whose run again shows all findings of a checkpoint; none: all of its scenarios."""
    names = tuple(dict.fromkeys(name for group in grouped(result) for name in group.scenarios))
    return names or tuple(run.started.scenarios)
