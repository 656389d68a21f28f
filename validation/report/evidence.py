"""The files of a run as its readers need them: what each one holds, and whether it is still what the record says."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from validation.record.events import Moment
from validation.record.evidence import FILE_MAX, MIB, RUN_MAX, digest_of, path_of
from validation.record.verdicts import Run
from validation.report.text import counted


@dataclass(frozen=True, slots=True)
class Kept:
    """One file of a run.

    Attributes:
        file: its path, relative to the run's folder.
        sha256: the digest that the record has of it.
        scenario: the id of the scenario that it backs.
        holds: what it holds: part and subject of an observation, a part of the moment of a failure, or of a snapshot of a cluster.
    """

    file: str
    sha256: str
    scenario: str
    holds: str


def kept(run: Run) -> tuple[Kept, ...]:
    """Return the files of a run, in the order of the record: a text that backs several scenarios is here several times."""
    return tuple(dict.fromkeys(_kept(run)))


def moment_of(run: Run, scenario: str) -> Moment | None:
    """Return what was kept when a scenario failed; None if it did not."""
    return next((one for one in run.moments if one.scenario == scenario), None)


def limits(run: Run) -> str:
    """Return what of a run's evidence was not kept in full, in one or a few sentences; empty if all of it was."""
    limited = run.evidence_limited
    if limited is None:
        return ""
    sentences = [
        (limited.left_out, f"not kept, because a run keeps at most {RUN_MAX // MIB} MiB"),
        (limited.cut, f"cut after {FILE_MAX // MIB} MiB"),
        (limited.failed, f"not written: {limited.why}"),
    ]
    counts = [(f"{counted(number, 'text')} of evidence {'was' if number == 1 else 'were'}", what) for number, what in sentences if number]
    return " ".join(f"{texts} {what}." for texts, what in counts)


def breaches(run: Run, folder: Path) -> Iterator[str]:
    """Yield each file of a run that is missing from its folder or not what the record says, one line each."""
    for file, digest in sorted({(one.file, one.sha256) for one in kept(run)}):
        if not (folder / file).resolve().is_relative_to(folder.resolve()):
            yield f"{file} is not below the folder of the run."
            continue
        try:
            found = digest_of((folder / file).read_bytes())
        except OSError as error:
            yield f"{file} cannot be read: {error.strerror}. The record says that its SHA-256 is {digest}."
            continue
        if found != digest:
            yield f"{file} was changed: its SHA-256 is {found}; the record says {digest}."


def _kept(run: Run) -> Iterator[Kept]:
    for scenario in {s.id: s for result in run.results for s in result.scenarios}.values():
        for one in scenario.observations:
            for part, digest in one.files.items():
                yield Kept(path_of(digest, part), digest, scenario.id, f"{part} of {one.subject}")
    for moment in run.moments:
        for what, digest in moment.files.items():
            yield Kept(path_of(digest), digest, moment.scenario, what)
    for snapshot in run.snapshots:
        for file, digest in snapshot.digests.items():
            yield Kept(file, digest, snapshot.scenario, file.rpartition("/")[2])
