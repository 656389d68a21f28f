"""Proves many defects, or fills the detection matrix, several at once. Each result is kept as soon as it exists and can be resumed from."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import as_completed
from functools import partial
from pathlib import Path

from msgspec import structs

from validation.core.errors import HarnessError, TargetUnavailable, UsageError
from validation.defects.catalogue import Defect
from validation.defects.matrix.matrix import Matrix
from validation.defects.matrix.row import NONE, columns, not_green_in, run_defect, run_unchanged, why_excluded
from validation.defects.parallel import jobs
from validation.defects.proving.bench import Bench
from validation.defects.proving.proof import Outcome, Result
from validation.defects.proving.together import not_green, prove_together
from validation.defects.results import Proof, Row, digest_of, digest_of_sources, is_current, keep, now, read
from validation.images import engines
from validation.record.results import Verdict
from validation.report.text import counted

CONCLUSIVE = frozenset({Outcome.CAUGHT, Outcome.SURVIVED})
"""Outcomes that --resume does not repeat."""

MINUTES = 2
"""How long a defect takes in a matrix, roughly, with five at once on two cores."""

Say = Callable[[str], None]


def prove_all(chosen: Sequence[Defect], bench: Bench, file: Path, say: Say, *, resume: bool) -> Generator[Proof]:
    """Prove defects and yield each proof as it comes, beginning with those already known.

    Args:
        chosen: the defects.
        bench: where they are proven.
        file: where results are kept.
        say: receives progress messages.
        resume: reuse the results that `file` has for the current source.

    Raises:
        HarnessError: the unchanged system is not green.
    """
    sources = digest_of_sources()
    known = {line.defect: line for line in (read(file) if resume else ()) if isinstance(line, Proof) and line.bench == bench.place}
    kept = [
        known[one.id]
        for one in chosen
        if one.id in known and known[one.id].outcome in CONCLUSIVE and is_current(known[one.id], one, sources)
    ]
    _say_kept(len(kept), len(chosen), file, say, resume=resume)
    yield from kept
    rest = [one for one in chosen if one.id not in {proof.defect for proof in kept}]
    if why := _why_no_images(rest, bench):
        yield from (_proof(Result(one, Outcome.INCONCLUSIVE, why), bench, sources) for one in rest if bench.images(one))
        rest = [one for one in rest if not bench.images(one)]
    if not rest:
        return
    say("Checking the unchanged system first; it must be green.")
    for some, at_once in bench.turns(rest):
        _require_green(not_green(some, at_once, bench))
    for some, at_once in bench.turns(rest):
        for result in prove_together(some, at_once, bench):
            proof = _proof(result, bench, sources)
            keep(file, proof)
            yield proof
    _say_changed(sources, say)


def fill(chosen: Sequence[Defect], file: Path, say: Say, *, resume: bool) -> Matrix:
    """Run every checkpoint that a defect can affect on each defect, and return the matrix.

    Args:
        chosen: the defects; those that need images, a load run or a cluster are excluded, with the reason.
        file: where results are kept.
        say: receives each row as it comes, and progress messages.
        resume: reuse the rows that `file` has for the current source.

    Raises:
        UsageError: every chosen defect is excluded.
        HarnessError: the unchanged system is not green, so a failure would prove nothing.
    """
    sources = digest_of_sources()
    excluded = tuple((one.id, why) for one in chosen if (why := why_excluded(one)))
    included = [one for one in chosen if not why_excluded(one)]
    if not included:
        raise UsageError(
            "The detection matrix can include none of these defects.", f"{excluded[0][0]} {excluded[0][1]}", "votecheck defects run"
        )
    found = {line.defect: line for line in (read(file) if resume else ()) if isinstance(line, Row) and line.verdicts}
    rows = {one.id: found[one.id] for one in (NONE, *included) if one.id in found and is_current(found[one.id], one, sources)}
    if NONE.id in rows and not_green_in(rows[NONE.id]):
        del rows[NONE.id]
    _say_kept(len(rows.keys() - {NONE.id}), len(included), file, say, resume=resume)
    if NONE.id not in rows:
        say("Checking the unchanged system first; it must be green. About two minutes.")
        with jobs([partial(run_unchanged, digest_of(NONE, sources))], 1) as only:
            rows[NONE.id] = _row(only[0].result(), sources)
        keep(file, rows[NONE.id])
        _require_green(not_green_in(rows[NONE.id]))
    rest = [one for one in included if one.id not in rows]
    at_once = Bench().at_once
    if rest:
        minutes = round(MINUTES * len(rest) / at_once) or 1
        say(f"Running {counted(len(rest), 'defect')}, {at_once} at once: about {counted(minutes, 'minute')}.")
    with jobs([partial(run_defect, one, digest_of(one, sources)) for one in rest], at_once) as futures:
        for future in as_completed(futures):
            row = rows[future.result().defect] = _row(future.result(), sources)
            keep(file, row)
            say(in_short(row))
    _say_changed(sources, say)
    return Matrix(tuple(rows[one.id] for one in included), columns(), tuple(rows[NONE.id].observations), excluded)


def in_short(row: Row) -> str:
    """Return one line that says what became of a defect in the matrix."""
    if not row.verdicts:
        return f"{row.defect:5} not run: {row.harness_error}"
    survived = [column for column in row.expected if row.verdicts.get(column) == Verdict.PASSED]
    unclear = [column for column in row.expected if column not in row.failed]
    others = [column for column in row.failed if column not in row.expected]
    word = (
        f"survived {', '.join(survived)}"
        if survived
        else f"not proven by {', '.join(unclear)}"
        if unclear
        else f"caught by {', '.join(row.expected)}"
    )
    return f"{row.defect:5} {word}; also failed: {', '.join(others) or 'none'}"


def _why_no_images(rest: Sequence[Defect], bench: Bench) -> str:
    """Return why images cannot be built here although a defect needs them; empty if they can. A cluster bench always can."""
    if bench.cluster is None and any(map(bench.images, rest)):
        try:
            engines.answering()
        except TargetUnavailable as unavailable:
            return f"needs container images. {str(unavailable).splitlines()[0]}"
    return ""


def _proof(result: Result, bench: Bench, sources: str) -> Proof:
    failed = list(bench.checkpoints(result.defect)) if result.outcome is Outcome.CAUGHT and not bench.load(result.defect) else []
    digest = digest_of(result.defect, sources) if digest_of_sources() == sources else ""
    return Proof(result.defect.id, bench.place, digest, result.outcome, result.detail, failed, now(), round(result.seconds, 1))


def _row(row: Row, sources: str) -> Row:
    """Return the row. If the source was changed meanwhile, the row belongs to no state of it and loses its digest: it is never reused."""
    return row if digest_of_sources() == sources else structs.replace(row, digest="")


def _say_kept(count: int, of: int, file: Path, say: Say, *, resume: bool) -> None:
    if resume:
        say(f"{count} of {of} results reused from {file}: same defect, same source. The others run again.")


def _say_changed(sources: str, say: Say) -> None:
    if digest_of_sources() != sources:
        say("The source changed during the run. Results since then belong to no single state of it, and --resume will not reuse them.")


def _require_green(broken: list[str]) -> None:
    if broken:
        raise HarnessError("The unchanged system is not green: " + "; ".join(broken), "a fault in the system", "votecheck run")
