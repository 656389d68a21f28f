"""Tries one mutant in a copy of the source: the first finding of a scenario, or the first failed test, ends it."""

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from validation.core.errors import HarnessError
from validation.core.settings import PROJECT
from validation.defects.mutants import chart, choosing
from validation.defects.mutants.every import of_harness
from validation.defects.mutants.executed import Executed, Window
from validation.defects.mutants.mutant import Mutant
from validation.defects.proving.commands import run_checkpoints
from validation.defects.proving.pytest_runs import run_tests
from validation.defects.seeding import IMPORT_SECONDS, environment

SHOWN = 200
"""How many characters of a finding are kept."""
RENDERED = ("chart/templates/", "chart/values.yaml")
IMPORTED = "1.2"
"""The checkpoint that imports every module. A mutant that does not import is not shown to it: that is cheaper to see here."""
FLAGS = ("--quick", "--first-finding")
_RENDERING = threading.Lock()


class Fate(StrEnum):
    """What became of a mutant."""

    CAUGHT = "caught"
    """A scenario had a finding, or a test failed."""
    STOPPED = "stopped"
    """Nothing was wrong, but a scenario could not be proven: the run is INCOMPLETE and clears no release."""
    SURVIVED = "survived"
    """Everything passed."""
    EQUIVALENT = "equivalent"
    """The chart renders the same with every shipped values file."""
    UNREACHED = "unreached"
    """No scenario or test executes the line."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A mutant and what became of it.

    Attributes:
        mutant: the mutant.
        fate: what became of it.
        by: the scenario or test that caught it.
        detail: the finding, or the reason.
        seconds: how long it took, beside others.
    """

    mutant: Mutant
    fate: Fate
    by: str = ""
    detail: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Tester:
    """Tries mutants, one at a time in each copy.

    Attributes:
        of_system, of_tests: what executes each line.
        kills: how many mutants of a file each scenario has caught so far.
        alone: whether each scenario that caught a mutant passes by itself on the unchanged source.
    """

    of_system: Executed
    of_tests: Executed
    kills: choosing.Kills = field(default_factory=choosing.Kills)
    alone: dict[str, bool] = field(default_factory=dict)

    def try_one(self, mutant: Mutant, copy: Path) -> Trial:
        """Apply a mutant to a copy, try it, and restore the copy."""
        begun, file = time.monotonic(), copy / mutant.file
        if mutant.file.startswith(RENDERED):
            with _RENDERING:  # helm keeps its state in this process
                if not chart.matters(mutant, PROJECT):
                    return Trial(mutant, Fate.EQUIVALENT, "", "it renders the same, or not at all", round(time.monotonic() - begun, 1))
        original = file.read_text(encoding="utf-8")
        _write(file, mutant.text)
        try:
            trial = self._by_tests(mutant, copy) if of_harness(mutant.file) else self._by_scenarios(mutant, copy)
        except HarnessError as error:  # for example a run that does not end
            trial = Trial(mutant, Fate.STOPPED, "", str(error).split("\n", 1)[0][:SHOWN])
        finally:
            _write(file, original)
        if trial.fate is Fate.CAUGHT and trial.by != IMPORTED and not of_harness(mutant.file) and not self.passes_alone(trial.by, copy):
            trial = Trial(mutant, Fate.STOPPED, "", f"{trial.by!r} also fails alone on the unchanged source"[:SHOWN])
        if trial.fate is Fate.CAUGHT:
            self.kills[mutant.file, trial.by] += 1
        return replace(trial, seconds=round(time.monotonic() - begun, 1))

    def _by_scenarios(self, mutant: Mutant, copy: Path) -> Trial:
        if choosing.imports(mutant) and (why := _why_not_imported(mutant, copy)):
            return Trial(mutant, Fate.CAUGHT, IMPORTED, f"{IMPORTED} the module does not import: {why}"[:SHOWN])
        chosen = choosing.scenarios(mutant, self.of_system, self.kills)
        if not chosen:
            return Trial(mutant, Fate.UNREACHED, "", "no scenario of this machine executes the line")
        entries = run_scenarios(copy, chosen)
        for identifier, entry in entries.items():
            if entry["findings"]:
                first = entry["findings"][0]
                detail = f"{identifier} {first['subject']}: expected {first['expected']}, observed {first['observed']}"
                return Trial(mutant, Fate.CAUGHT, first["scenario"], detail[:SHOWN])
        unproven = [f"{identifier} {entry['reason']}" for identifier, entry in entries.items() if entry["verdict"] == "NOT PROVEN"]
        if unproven:
            return Trial(mutant, Fate.STOPPED, "", unproven[0][:SHOWN])
        return Trial(mutant, Fate.SURVIVED, "", f"{len(chosen)} scenarios passed")

    def passes_alone(self, name: str, copy: Path) -> bool:
        """Return whether a scenario passes by itself on the unchanged copy; otherwise its findings say nothing about a mutant."""
        if name not in self.alone:
            windows = [one for one in self.of_system.windows if one.name == name]
            entries = run_scenarios(copy, windows)
            self.alone[name] = not any(entry["findings"] for entry in entries.values())
        return self.alone[name]

    def _by_tests(self, mutant: Mutant, copy: Path) -> Trial:
        chosen = choosing.tests(mutant, self.of_tests, self.kills)
        if not chosen:
            return Trial(mutant, Fate.UNREACHED, "", "no test executes the line")
        ran = run_tests(copy, ["-x", *(one.name for one in chosen)])
        if ran.green:
            return Trial(mutant, Fate.SURVIVED, "", f"{len(chosen)} tests passed")
        by, words = ran.failed[0] if ran.failed else ("", ran.errors[0] if ran.errors else ran.end)
        return Trial(mutant, Fate.CAUGHT, by, words[:SHOWN])


def run_scenarios(copy: Path, chosen: Sequence[Window]) -> dict[str, dict[str, Any]]:
    """Run scenarios on a copy up to the first finding, and return the entries of their checkpoints by id."""
    ids = dict.fromkeys(identifier for one in chosen for identifier in one.checkpoints)
    names = [word for one in chosen for word in ("--scenario", one.name)]
    return run_checkpoints(copy, ids, (*FLAGS, *names))


def _why_not_imported(mutant: Mutant, copy: Path) -> str:
    """Return why Python cannot import the module of a mutant; empty if it can, or if only alembic loads it."""
    if "migrations" in mutant.file or not mutant.file.startswith("system/"):
        return ""
    module = mutant.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    try:
        ran = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", f"import {module}"], cwd=copy, env=environment(copy), capture_output=True, text=True,
            timeout=IMPORT_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"not within {IMPORT_SECONDS} s"
    return (ran.stderr.strip().splitlines() or ["it fails"])[-1] if ran.returncode else ""


def _write(file: Path, text: str) -> None:
    """Write a file, and remove its byte code, which may look as new as the file."""
    file.write_text(text, encoding="utf-8")
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
        compiled.unlink(missing_ok=True)
