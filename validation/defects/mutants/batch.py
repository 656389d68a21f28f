"""Tries many mutants, several at once. Each result is kept as soon as it exists and can be resumed from."""

import queue
import resource
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import as_completed
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from validation.defects.mutants import mapping, results
from validation.defects.mutants.every import of_harness
from validation.defects.mutants.executed import Executed
from validation.defects.mutants.mutant import Mutant
from validation.defects.mutants.results import Line
from validation.defects.mutants.trial import Tester, Trial
from validation.defects.parallel import jobs
from validation.defects.proving.bench import HERE
from validation.defects.results import digest_of_sources
from validation.defects.seeding import seeded_copy

Say = Callable[[str], None]


def try_all(mutants: Sequence[Mutant], file: Path, say: Say, *, resume: bool) -> Generator[Line]:
    """Try mutants and yield each result as it comes, beginning with those already known.

    Args:
        mutants: the mutants, in the order in which they are tried.
        file: where results are kept; what executes each line is kept beside it.
        say: receives progress messages.
        resume: reuse the results that `file` has for the current source.
    """
    sources = digest_of_sources(folders=("system", "chart", "features", "validation", "loadtests", "tests"))
    known = results.read(file) if resume else {}
    digests = {results.digest(one, sources): one for one in mutants}
    kept = [known[one] for one in digests if one in known]
    if resume:
        say(f"{len(kept)} of {len(digests)} results reused from {file}: same mutant, same source.")
    yield from kept
    rest = [one for one in mutants if results.digest(one, sources) not in known]
    if not rest:
        return
    tester = Tester(
        Executed() if all(of_harness(one.file) for one in rest) else mapping.of_system(file.parent, say),
        mapping.of_tests(file.parent, say) if any(of_harness(one.file) for one in rest) else Executed(),
    )
    tester.kills.update((line.file, line.by) for line in results.read(file).values() if line.by)
    begun = _processor()
    with ExitStack() as copies:
        free: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for _ in range(min(HERE.at_once, len(rest))):
            free.put(copies.enter_context(seeded_copy(None)))
        with jobs([partial(_try, tester, one, free) for one in rest], HERE.at_once) as trials:
            for trial in as_completed(trials):
                yield results.keep(file, trial.result(), sources)
    say(f"{(_processor() - begun) / len(rest):.1f} s of processor time for each of {len(rest)} mutants.")


def _try(tester: Tester, mutant: Mutant, free: "queue.SimpleQueue[Path]") -> Trial:
    copy = free.get()
    try:
        return tester.try_one(mutant, copy)
    finally:
        free.put(copy)


def _processor() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
