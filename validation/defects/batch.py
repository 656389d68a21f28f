"""Proves defects, or fills the matrix: several at once, each result kept as soon as it is there, and taken from there when asked to."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import as_completed
from functools import partial
from pathlib import Path

from msgspec import structs

from validation.core.errors import HarnessError, TargetUnavailable, UsageError
from validation.defects.catalogue import Defect
from validation.defects.matrix.matrix import Matrix
from validation.defects.matrix.row import NONE, columns, not_green, unchanged, whole, why_not
from validation.defects.parallel import jobs
from validation.defects.proving import Bench, Catch, Result, baselines, prove
from validation.defects.results import Proof, Row, digest_of, digest_of_sources, is_of, keep, now, read
from validation.images import engines
from validation.record.verdicts import Verdict

KEPT = frozenset({Catch.CAUGHT, Catch.SURVIVED})
"""What a proof may be spared by; what could not be seen is looked at again."""

MINUTES = 2
"""How long a defect takes in a matrix, about, where five are looked at on two cores."""

Say = Callable[[str], None]


def prove_all(chosen: Sequence[Defect], bench: Bench, file: Path, say: Say, *, resume: bool) -> Generator[Proof]:
    """Prove defects, and give each proof as it comes: first those that are known.

    Args:
        chosen: the defects.
        bench: where they are proven.
        file: where results are kept.
        say: takes what is said by the way.
        resume: take what is known of this very source from there.

    Raises:
        HarnessError: the unchanged system is not green.
    """
    sources = digest_of_sources()
    known = {line.defect: line for line in (read(file) if resume else ()) if isinstance(line, Proof) and line.bench == bench.place}
    kept = [known[one.id] for one in chosen if one.id in known and known[one.id].catch in KEPT and is_of(known[one.id], one, sources)]
    _tell_kept(len(kept), len(chosen), file, say, resume=resume)
    yield from kept
    rest = [one for one in chosen if one.id not in {proof.defect for proof in kept}]
    if why := _why_no_images(rest, bench):
        yield from (_proof(Result(one, Catch.INCONCLUSIVE, why), bench, sources) for one in rest if bench.images(one))
        rest = [one for one in rest if not bench.images(one)]
    if not rest:
        return
    say("First the unchanged system, which must be green.")
    for some, at_once in bench.turns(rest):
        with jobs(baselines(some, bench), at_once) as first:
            _refuse([wrong for part in first for wrong in part.result()])
    for some, at_once in bench.turns(rest):
        with jobs([partial(prove, one, bench) for one in some], at_once) as coming:
            for future in as_completed(coming):
                proof = _proof(future.result(), bench, sources)
                keep(file, proof)
                yield proof
    _tell_changed(sources, say)


def fill(chosen: Sequence[Defect], file: Path, say: Say, *, resume: bool) -> Matrix:
    """Let all checkpoints look at each defect, and give the matrix of what fell.

    Args:
        chosen: the defects; those that need images, a load or a cluster are named in the matrix as absent.
        file: where results are kept.
        say: takes each row as it comes, and what else is said by the way.
        resume: take what is known of this very source from there.

    Raises:
        UsageError: none of them can be in the matrix.
        HarnessError: the unchanged system is not green: what is red anyway cannot be seen to fall.
    """
    sources = digest_of_sources()
    absent = tuple((one.id, why) for one in chosen if (why := why_not(one)))
    planted = [one for one in chosen if not why_not(one)]
    if not planted:
        raise UsageError("None of these defects can be in the matrix.", f"{absent[0][0]} {absent[0][1]}", "votecheck defects run")
    found = {line.defect: line for line in (read(file) if resume else ()) if isinstance(line, Row) and line.verdicts}
    rows = {one.id: found[one.id] for one in (NONE, *planted) if one.id in found and is_of(found[one.id], one, sources)}
    if NONE.id in rows and not_green(rows[NONE.id]):
        del rows[NONE.id]
    _tell_kept(len(rows.keys() - {NONE.id}), len(planted), file, say, resume=resume)
    if NONE.id not in rows:
        say("First the unchanged system, which must be green: two minutes.")
        with jobs([partial(unchanged, digest_of(NONE, sources))], 1) as first:
            rows[NONE.id] = _row(first[0].result(), sources)
        keep(file, rows[NONE.id])
        _refuse(not_green(rows[NONE.id]))
    rest = [one for one in planted if one.id not in rows]
    at_once = Bench().at_once
    if rest:
        say(f"Then everything on {len(rest)} defects, {at_once} at once: some {round(MINUTES * len(rest) / at_once) or 1} minutes.")
    with jobs([partial(whole, one, digest_of(one, sources)) for one in rest], at_once) as coming:
        for future in as_completed(coming):
            row = rows[future.result().defect] = _row(future.result(), sources)
            keep(file, row)
            say(in_short(row))
    _tell_changed(sources, say)
    return Matrix(tuple(rows[one.id] for one in planted), columns(), tuple(rows[NONE.id].seen), absent)


def in_short(row: Row) -> str:
    """Say in a line what became of a defect in the matrix."""
    if not row.verdicts:
        return f"{row.defect:5} not run: {row.trouble}"
    missed = [column for column in row.named if row.verdicts.get(column) == Verdict.PASSED]
    unclear = [column for column in row.named if column not in row.red]
    besides = [column for column in row.red if column not in row.named]
    word = (
        f"missed by {', '.join(missed)}"
        if missed
        else f"not proven by {', '.join(unclear)}"
        if unclear
        else f"caught by {', '.join(row.named)}"
    )
    return f"{row.defect:5} {word}; fell besides: {', '.join(besides) or 'nothing'}"


def _why_no_images(rest: Sequence[Defect], bench: Bench) -> str:
    """Say why nobody can look at images here, where some defect needs that; nothing when somebody can. In a cluster everything does."""
    if bench.cluster is None and any(map(bench.images, rest)):
        try:
            engines.answering()
        except TargetUnavailable as none:
            return f"it is shown by container images. {str(none).splitlines()[0]}"
    return ""


def _proof(result: Result, bench: Bench, sources: str) -> Proof:
    red = list(bench.checkpoints(result.defect)) if result.catch is Catch.CAUGHT and not bench.load(result.defect) else []
    digest = digest_of(result.defect, sources) if digest_of_sources() == sources else ""
    return Proof(result.defect.id, bench.place, digest, result.catch, result.said, red, now(), round(result.seconds, 1))


def _row(row: Row, sources: str) -> Row:
    """Give a row back; one that was made while somebody changed the source is of no state of it, and will never be taken again."""
    return row if digest_of_sources() == sources else structs.replace(row, digest="")


def _tell_kept(count: int, of: int, file: Path, say: Say, *, resume: bool) -> None:
    if resume:
        say(f"{count} of {of} taken from {file}, where the defect and the source were the same; the others are looked at again.")


def _tell_changed(sources: str, say: Say) -> None:
    if digest_of_sources() != sources:
        say(
            "The source was changed meanwhile: what was seen since is not known to hold for any state of it, and --resume will not take it."
        )


def _refuse(broken: list[str]) -> None:
    if broken:
        raise HarnessError("The unchanged system is not green: " + "; ".join(broken), "a fault of the system", "votecheck run")
