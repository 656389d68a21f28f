"""One run of everything on the system with a defect in it."""

from collections.abc import Iterable
from pathlib import Path

from validation.checkpoints import registry
from validation.defects import Defect, planted
from validation.errors import HarnessError
from validation.images.planting import Images
from validation.kill.results import UNCHANGED, Row, Seen, now
from validation.proving import HERE, report_of, why_not_landed
from validation.report import model
from validation.settings import TARGETS
from validation.verdicts import Run, Scenario, Verdict

TARGET = "local"
RUN_SECONDS = 1800
"""A run of everything takes three to four minutes alone, and a defect may let every wait run to its end."""

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


def whole(defect: Defect, digest: str) -> Row:
    """Plant a defect and let all checkpoints look at it. What keeps it from being planted or the run from its end is told in the row.

    Args:
        defect: it must be one that needs neither images nor a cluster; `NONE` for the unchanged system.
        digest: what the result depends on.
    """
    try:
        with planted(defect) as copy:
            trouble = next(filter(None, (why_not_landed(copy, change) for change in defect.changes)), "")
            if not trouble:
                return row(defect, _everything(copy, defect.flags), digest)
    except HarnessError as error:
        trouble = str(error)
    return Row(defect.id, digest, list(defect.checkpoints), {}, [], [], 0.0, trouble, now())


def row(defect: Defect, run: Run, digest: str) -> Row:
    """Write down what a run of everything made of a defect."""
    able = columns()
    return Row(
        defect=defect.id,
        digest=digest,
        named=list(defect.checkpoints),
        verdicts={j.checkpoint.id: str(j.verdict) for j in run.judged if j.checkpoint.id in able},
        wrong=_seen((j.checkpoint.id, s) for j in run.judged for s in j.scenarios),
        seen=_seen(((j.checkpoint.id, s) for j in run.judged for s in j.scenarios), wrong_only=False) if defect.id == UNCHANGED else [],
        seconds=run.seconds,
        trouble="; ".join(run.troubles),
        at=now(),
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


def _everything(copy: Path, flags: Iterable[str]) -> Run:
    with report_of(["run", "--source", str(copy), *flags], "latest/results.json", RUN_SECONDS) as results:
        return model.load(results.parent)
