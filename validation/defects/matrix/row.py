"""One run of everything that can see it on the system with a defect in it."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from validation.core.errors import HarnessError
from validation.core.settings import TARGETS
from validation.defects.catalogue import Defect, planted
from validation.defects.planted_images import Images
from validation.defects.proving import HERE, report_of, why_not_landed
from validation.defects.results import UNCHANGED, Row, Seen, now
from validation.record.verdicts import Run, Scenario, Verdict
from validation.registry.checkpoints import Checkpoint, registry
from validation.report import model

TARGET = "local"
RUN_SECONDS = 1800
"""A run of everything takes two minutes alone, and a defect may let every wait run to its end."""
RUNNING = "system"
"""The folder that all runs from. What has a setting of a server of its own changes something for all that runs."""

NONE = Defect(UNCHANGED, "The unchanged system", "", "")


def columns() -> tuple[str, ...]:
    """Give the checkpoints that a run of everything can judge where the matrix is made."""
    return tuple(one.id for one in registry().values() if TARGETS[TARGET].intersection(one.needs))


def why_not(defect: Defect) -> str:
    """Say why a defect is not in the matrix; nothing for one that is."""
    if HERE.images(defect) is not Images.NONE:
        return "needs container images"
    if not HERE.checkpoints(defect):
        return "is of the judge, whose tests see it" if defect.tests else "needs a load" if defect.load else "needs a cluster"
    return ""


def reached(defect: Defect) -> tuple[str, ...]:
    """Give the checkpoints that a defect can reach: those that look at something that it changes."""
    changed = [PurePosixPath(change.file) for change in defect.changes] + [PurePosixPath(RUNNING)] * bool(defect.redis)
    return tuple(one for one in columns() if any(map(registry()[one].reads, changed)))


def whole(defect: Defect, digest: str) -> Row:
    """Plant a defect and let all checkpoints look that it can reach. What keeps it or the run from that is told in the row.

    Args:
        defect: it must be one that needs neither images nor a cluster.
        digest: what the result depends on.
    """
    looking = reached(defect)
    try:
        with planted(defect) as copy:
            trouble = next(filter(None, (why_not_landed(copy, change) for change in defect.changes)), "")
            if not trouble:
                return row(defect, [_judged(copy, looking, defect.flags)], digest, looking)
    except HarnessError as error:
        trouble = str(error)
    return Row(defect.id, digest, list(defect.checkpoints), {}, [], [], 0.0, trouble, now())


def unchanged(digest: str) -> Row:
    """Let all checkpoints look at the unchanged system, each where nothing is but what it rests on: so nothing else can turn it red.

    Those that rest on the same look together, and beside the others.

    Args:
        digest: what the result depends on.
    """
    groups = dict[tuple[str, ...], list[Checkpoint]]()
    for column in columns():
        groups.setdefault(registry()[column].inputs, []).append(registry()[column])
    try:
        with ThreadPoolExecutor(HERE.at_once) as pool:
            runs = list(pool.map(_apart, groups.values()))
    except HarnessError as error:
        return Row(UNCHANGED, digest, [], {}, [], [], 0.0, str(error), now())
    return row(NONE, runs, digest, columns())


def _apart(alike: Sequence[Checkpoint]) -> Run:
    with planted(None) as copy:
        _strip(copy, alike[0])
        return _judged(copy, [one.id for one in alike])


def _strip(copy: Path, kept: Checkpoint) -> None:
    """Remove every file that a checkpoint does not look at."""
    for file in [path for path in copy.rglob("*") if path.is_file() and not kept.reads(path.relative_to(copy))]:
        file.unlink()


def row(defect: Defect, runs: Sequence[Run], digest: str, looking: Sequence[str]) -> Row:
    """Write down what runs of the checkpoints that looked made of a defect."""
    judged = [one for run in runs for one in run.results if one.checkpoint.id in looking]
    return Row(
        defect=defect.id,
        digest=digest,
        named=list(defect.checkpoints),
        verdicts={one.checkpoint.id: str(one.verdict) for one in judged},
        wrong=_seen((one.checkpoint.id, s) for one in judged for s in one.scenarios),
        seen=_seen(((one.checkpoint.id, s) for one in judged for s in one.scenarios), wrong_only=False) if defect.id == UNCHANGED else [],
        seconds=sum(run.seconds for run in runs),
        trouble="; ".join(trouble for run in runs for trouble in run.harness_errors),
        at=now(),
        apart=[one for one in columns() if one not in looking],
    )


def not_green(unchanged: Row) -> list[str]:
    """Say what of the unchanged system is not green, by which nothing could be seen to fall."""
    told = {one.checkpoint: f", {one.subject}" for one in reversed(unchanged.wrong)}
    return ([unchanged.trouble] if unchanged.trouble else []) + [
        f"{identifier}: {unchanged.verdicts.get(identifier, 'not judged')}{told.get(identifier, '')}"
        for identifier in columns()
        if unchanged.verdicts.get(identifier) != Verdict.PASSED
    ]


def _seen(scenarios: Iterable[tuple[str, Scenario]], *, wrong_only: bool = True) -> list[Seen]:
    """Give each observation once: one that a step repeats for many things is still one look."""
    found = (
        Seen(checkpoint, scenario.name, one.step, one.subject)
        for checkpoint, scenario in scenarios
        for one in scenario.observations
        if not (wrong_only and one.ok)
    )
    return list(dict.fromkeys(found))


def _judged(copy: Path, ids: Iterable[str], flags: Iterable[str] = ()) -> Run:
    told = ["run", "--source", str(copy), "--checkpoint", ",".join(ids), "--quick", *flags]
    with report_of(told, "latest/results.json", RUN_SECONDS) as results:
        return model.load(results.parent)
