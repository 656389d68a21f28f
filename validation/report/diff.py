"""What changed between two runs: verdicts, findings, durations. Grouped, and in the order of the registry: B2 before B10."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from validation.record.events import Observed, text
from validation.record.scenario import Scenario
from validation.record.verdicts import Run
from validation.registry.checkpoints import registry
from validation.report.across import differences
from validation.report.findings import shape
from validation.report.model import WORST_FIRST, load
from validation.report.text import counted, duration, one_line

_SLOWER_BY_SECONDS = 0.5
_SLOWER_BY_SHARE = 0.2
"""Smaller differences than these are noise."""
_OUT_OF_SCOPE = "not in scope"
_CELL_MAX = 160

Folders = tuple[Path, Path] | None


@dataclass(frozen=True, slots=True)
class Load:
    """What changed between the load runs that two runs hold: one line each, or why they were not compared."""

    lines: list[str]
    missing: str


NO_LOAD = Load([], "votecheck load compare")

Sections = dict[str, list[str]]
"""Lines by the title of their section."""
Place = tuple[str, ...]
"""What identifies a finding: checkpoint, feature, scenario, fidelity, step and subject. The observed value may differ from run to run."""


def compare(before: Path, after: Path, load_runs: Load = NO_LOAD) -> str:
    """Return what changed from the run in one folder to the run in another.

    Raises:
        UsageError: a record is missing or was changed.
    """
    return diff(load(before), load(after), (before, after), load_runs)


def as_data(before: Path, after: Path, load_runs: Load = NO_LOAD) -> dict[str, Any]:
    """Return what changed from the run in one folder to the run in another, as an object for JSON.

    Raises:
        UsageError: a record is missing or was changed.
    """
    old, new, of_files = load(before), load(after), _of_files((before, after))
    return {
        **{
            name: {"run": run.started.run, "target": run.started.target, "verdict": str(run.verdict), "seconds": run.seconds}
            for name, run in (("before", old), ("after", new))
        },
        "verdicts": [{"id": one, "before": was, "after": became} for one, (was, became) in _changes(old, new).items()],
        "new_findings": [_as_data(place, found) for place, found in _only_in(new, old).items()],
        "resolved_findings": [_as_data(place, found) for place, found in _only_in(old, new).items()],
        **{title.lower().replace(" ", "_"): lines for title, lines in _others(old, new, of_files, load_runs).items()},
        "not_compared": _not_compared(old, new, of_files, load_runs),
    }


def _as_data(place: Place, found: Observed) -> dict[str, str]:
    identifier, feature, scenario, *_ = place
    named = {"checkpoint": identifier, "feature": feature, "scenario": scenario, "step": found.step, "subject": found.subject}
    return {name: text(value) for name, value in {**named, "expected": found.expected, "observed": found.observed}.items()}


def diff(before: Run, after: Run, folders: Folders = None, load_runs: Load = NO_LOAD) -> str:
    """Return what changed from one run to another, for the terminal, and what could not be compared.

    Args:
        before: the earlier run.
        after: the later one.
        folders: the folders of both; those of unpacked packs have more to compare.
        load_runs: the comparison of their load runs.
    """
    lines, of_files = [f"{_name(before)}  →  {_name(after)}"], _of_files(folders)
    for title, items in {**_sections(before, after), **_others(before, after, of_files, load_runs)}.items():
        lines += ["", title, *(f"  {item}" for item in items)] if items else []
    lines = lines if len(lines) > 1 else [*lines, "", "No differences."]
    return "\n".join([*lines, "", "Not compared", *(f"  {one}" for one in _not_compared(before, after, of_files, load_runs))])


def _of_files(folders: Folders) -> Sections:
    return {**differences.sections_of_packs(*folders), **differences.sections_of_runs(*folders)} if folders else {}


def _others(before: Run, after: Run, of_files: Sections, load_runs: Load) -> Sections:
    return {**differences.sections(before, after), **of_files, "Load": load_runs.lines}


def _not_compared(before: Run, after: Run, of_files: Sections, load_runs: Load) -> list[str]:
    missing = differences.not_compared(before, after, of_files)
    return [*missing, *([f"load: {load_runs.missing}"] if load_runs.missing else [])]


def _sections(before: Run, after: Run) -> dict[str, list[str]]:
    return {
        "Verdicts": list(_verdicts(before, after)),
        "New findings": list(_findings(after, without=before)),
        "Resolved findings": list(_findings(before, without=after)),
        "Durations": list(_durations(before, after)),
    }


def _name(run: Run) -> str:
    return one_line(f"{run.started.run} ({run.started.target}) {run.verdict}")


def _verdicts(before: Run, after: Run) -> Iterator[str]:
    """Yield the checkpoints whose verdict differs, below the change that they share; what became worst comes first."""
    changes: dict[tuple[str, str], list[str]] = {}
    for identifier, change in _changes(before, after).items():
        changes.setdefault(change, []).append(identifier)
    worst = [*map(str, WORST_FIRST), _OUT_OF_SCOPE]
    for was, became in sorted(changes, key=lambda one: (worst.index(one[1]), one)):
        yield f"{was} → {became}"
        yield from (f"  {identifier:<4} {registry()[identifier].title}" for identifier in changes[was, became])


def _changes(before: Run, after: Run) -> dict[str, tuple[str, str]]:
    """Return the verdict before and after, of each checkpoint for which it differs."""
    old, new = ({j.checkpoint.id: str(j.verdict) for j in run.results} for run in (before, after))
    both = {one: (old.get(one, _OUT_OF_SCOPE), new.get(one, _OUT_OF_SCOPE)) for one in registry() if one in old or one in new}
    return {one: (was, became) for one, (was, became) in both.items() if was != became}


def _findings(run: Run, *, without: Run) -> Iterator[str]:
    """Yield the findings that the other run lacks, below their checkpoint. Those of one shape are one line."""
    checkpoints: dict[str, dict[tuple[str, ...], list[Observed]]] = {}
    for place, found in _only_in(run, without).items():
        checkpoints.setdefault(place[0], {}).setdefault(shape(found), []).append(found)
    for identifier in (one for one in registry() if one in checkpoints):
        yield f"{identifier:<4} {registry()[identifier].title}"
        yield from (f"  {_finding(alike)}" for alike in checkpoints[identifier].values())


def _finding(alike: list[Observed]) -> str:
    first = alike[0]
    subject, expected, observed = (one_line(text, _CELL_MAX) for text in (first.subject, first.expected, first.observed))
    given = f", with {one_line(first.input, _CELL_MAX)}" if first.input else ""
    others = f" and {counted(len(alike) - 1, 'more time')}" if len(alike) > 1 else ""
    return f"{subject}: expected {expected}, observed {observed}{given}{others}"


def _only_in(run: Run, without: Run) -> dict[Place, Observed]:
    """Return the findings that the other run lacks. A checkpoint outside its scope has neither gained nor lost one."""
    known, in_scope = _places(without), {j.checkpoint.id for j in without.results}
    return {place: found for place, found in _places(run).items() if place not in known and place[0] in in_scope}


def _places(run: Run) -> dict[Place, Observed]:
    return {_place(j.checkpoint.id, s, o): o for j in run.results for s in j.scenarios for o in s.wrong}


def _place(checkpoint: str, scenario: Scenario, found: Observed) -> Place:
    return checkpoint, scenario.feature, scenario.name, scenario.fidelity, found.step, found.subject


def _durations(before: Run, after: Run) -> Iterator[str]:
    old, new = ({j.checkpoint.id: j.seconds for j in run.results} for run in (before, after))
    if old.keys() == new.keys():
        old["all"], new["all"] = before.seconds, after.seconds
    for identifier in (i for i in old if i in new):
        was, is_ = old[identifier], new[identifier]
        if was and is_ and abs(is_ - was) >= max(_SLOWER_BY_SECONDS, was * _SLOWER_BY_SHARE):
            yield f"{identifier:<4} {duration(was)} → {duration(is_)}  ({100 * (is_ - was) / was:+.0f} %)"
