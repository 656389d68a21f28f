"""Proves several defects at the same time. What the runs did to one another decides nothing: what they left open runs once more alone."""

from collections.abc import Generator, Sequence
from concurrent.futures import as_completed
from functools import partial

from validation.defects.catalogue import Defect
from validation.defects.parallel import jobs
from validation.defects.proving.baseline import baselines
from validation.defects.proving.bench import HERE, Bench
from validation.defects.proving.proof import Outcome, Result, prove


def not_green(defects: Sequence[Defect], at_once: int, bench: Bench = HERE) -> list[str]:
    """Run the baseline of the defects and return what is not green: runs that share the processors may miss a time limit."""
    parts = baselines(defects, bench)
    with jobs(parts, at_once) as runs:
        wrong = [run.result() for run in runs]
    if at_once == 1:
        return [one for found in wrong for one in found]
    with jobs([part for part, found in zip(parts, wrong, strict=True) if found], 1) as repeats:
        return [one for repeat in repeats for one in repeat.result()]


def prove_together(defects: Sequence[Defect], at_once: int, bench: Bench = HERE) -> Generator[Result]:
    """Prove defects and yield each result as it comes; those that were inconclusive come last, each proven again alone."""
    inconclusive = list[Defect]()
    with jobs([partial(prove, one, bench) for one in defects], at_once) as proofs:
        for proof in as_completed(proofs):
            result = proof.result()
            if at_once > 1 and result.outcome is Outcome.INCONCLUSIVE:
                inconclusive.append(result.defect)
            else:
                yield result
    with jobs([partial(prove, one, bench) for one in inconclusive], 1) as proofs:
        for proof in as_completed(proofs):
            yield proof.result()
