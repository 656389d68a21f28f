"""One row of the matrix: a run of every checkpoint that a defect can affect."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from validation.core.errors import HarnessError
from validation.core.settings import TARGETS
from validation.defects.catalogue import Defect, Images
from validation.defects.proving.bench import HERE
from validation.defects.proving.commands import report_of
from validation.defects.results import UNCHANGED, Observation, Row, now
from validation.defects.seeding import seeded_copy, why_not_applied
from validation.record.results import Verdict
from validation.record.scenario import Scenario
from validation.record.verdicts import Run
from validation.registry.checkpoints import Checkpoint, registry
from validation.report import model

TARGET = "local"
RUN_SECONDS = 1800
"""A run of all checkpoints takes two minutes alone. A defect can make every wait run to its end."""
RUNNING = "system"
"""Stands for the running system: a defect in the settings of its own Redis affects every checkpoint that runs it."""

NONE = Defect(UNCHANGED, "The unchanged system", "", "")


def columns() -> tuple[str, ...]:
    """Return the checkpoints that can run where the matrix is made."""
    return tuple(one.id for one in registry().values() if TARGETS[TARGET].intersection(one.needs))


def why_excluded(defect: Defect) -> str:
    """Return why the matrix does not include a defect; empty if it does."""
    if HERE.images(defect) is not Images.NONE:
        return "needs container images"
    if not HERE.checkpoints(defect):
        return (
            "is a defect of the harness, caught by its tests" if defect.tests else "needs a load run" if defect.load else "needs a cluster"
        )
    return ""


def affected(defect: Defect) -> tuple[str, ...]:
    """Return the checkpoints that have an input which the defect changes."""
    changed = [PurePosixPath(change.file) for change in defect.changes] + [PurePosixPath(RUNNING)] * bool(defect.redis)
    return tuple(one for one in columns() if any(map(registry()[one].reads, changed)))


def run_defect(defect: Defect, digest: str) -> Row:
    """Apply a defect and run every checkpoint that it can affect. What prevents that is in the row.

    Args:
        defect: one that needs neither images nor a cluster.
        digest: of everything the result depends on.
    """
    ids = affected(defect)
    try:
        with seeded_copy(defect) as copy:
            error = next(filter(None, (why_not_applied(copy, change) for change in defect.changes)), "")
            if not error:
                return row(defect, [_run(copy, ids, defect.flags)], digest, ids)
    except HarnessError as failed:
        error = str(failed)
    return Row(defect.id, digest, list(defect.checkpoints), {}, [], [], 0.0, error, now())


def run_unchanged(digest: str) -> Row:
    """Run every checkpoint on the unchanged system, in a copy with nothing but its inputs, so that nothing else can make it fail.

    Checkpoints with the same inputs share a run; the runs are parallel.

    Args:
        digest: of everything the result depends on.
    """
    groups = dict[tuple[str, ...], list[Checkpoint]]()
    for column in columns():
        groups.setdefault(registry()[column].inputs, []).append(registry()[column])
    try:
        with ThreadPoolExecutor(HERE.at_once) as pool:
            runs = list(pool.map(_run_with_inputs_only, groups.values()))
    except HarnessError as error:
        return Row(UNCHANGED, digest, [], {}, [], [], 0.0, str(error), now())
    return row(NONE, runs, digest, columns())


def _run_with_inputs_only(alike: Sequence[Checkpoint]) -> Run:
    with seeded_copy(None) as copy:
        for file in [path for path in copy.rglob("*") if path.is_file() and not alike[0].reads(path.relative_to(copy))]:
            file.unlink()
        return _run(copy, [one.id for one in alike])


def row(defect: Defect, runs: Sequence[Run], digest: str, ids: Sequence[str]) -> Row:
    """Return the row of a defect from the runs of the checkpoints in `ids`."""
    results = [one for run in runs for one in run.results if one.checkpoint.id in ids]
    scenarios = [(one.checkpoint.id, scenario) for one in results for scenario in one.scenarios]
    return Row(
        defect=defect.id,
        digest=digest,
        expected=list(defect.checkpoints),
        verdicts={one.checkpoint.id: str(one.verdict) for one in results},
        wrong=_observations(scenarios),
        observations=_observations(scenarios, wrong_only=False) if defect.id == UNCHANGED else [],
        seconds=sum(run.seconds for run in runs),
        harness_error="; ".join(error for run in runs for error in run.harness_errors),
        at=now(),
        unaffected=[one for one in columns() if one not in ids],
    )


def not_green_in(unchanged: Row) -> list[str]:
    """Return what is not green on the unchanged system, so that its failure would prove nothing."""
    first_wrong = {one.checkpoint: f", {one.subject}" for one in reversed(unchanged.wrong)}
    return ([unchanged.harness_error] if unchanged.harness_error else []) + [
        f"{identifier}: {unchanged.verdicts.get(identifier, 'not run')}{first_wrong.get(identifier, '')}"
        for identifier in columns()
        if unchanged.verdicts.get(identifier) != Verdict.PASSED
    ]


def _observations(scenarios: Iterable[tuple[str, Scenario]], *, wrong_only: bool = True) -> list[Observation]:
    """Return each observation once, even if a step repeats it for many things."""
    found = (
        Observation(checkpoint, scenario.name, one.step, one.subject)
        for checkpoint, scenario in scenarios
        for one in scenario.observations
        if not (wrong_only and one.ok)
    )
    return list(dict.fromkeys(found))


def _run(copy: Path, ids: Iterable[str], flags: Iterable[str] = ()) -> Run:
    words = ["run", "--source", str(copy), "--checkpoint", ",".join(ids), "--quick", *flags]
    with report_of(words, "latest/results.json", RUN_SECONDS) as results:
        return model.load(results.parent)
