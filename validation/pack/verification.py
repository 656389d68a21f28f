"""Verifies a pack: who signed it, that no file was changed, and that the record leads to the verdict that the statement has."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from validation.core.errors import HarnessError
from validation.core.settings import PROJECT
from validation.defects.proofs import read as read_proofs
from validation.pack.contents import PROOFS_FILE, digests
from validation.pack.signing import is_signed_by, payload_of
from validation.pack.statement import ENVELOPE, STATEMENT, statement
from validation.record.subject import Subject, read_subject
from validation.record.verdicts import Run
from validation.report.model import proofs_of
from validation.report.results_json import RESULTS
from validation.report.text import one_line
from validation.report.verify import load_and_verify
from validation.report.write import RENDERERS

NO_KEY = "Who signed it: no public key was given with --key."


@dataclass
class Verification:
    """What a look at a pack found.

    Attributes:
        problems: what is wrong, each with the file; empty: everything that could be checked is right.
        unchecked: what could not be checked, and why.
        signed: whether the owner of the given key signed it.
        run: the run, if its record could be read.
        stated: the statement; empty if it could not be read.
        files: SHA-256 of each file that a statement names, by its path in the pack.
    """

    problems: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    signed: bool = False
    run: Run | None = None
    stated: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


def verify_pack(pack: Path, key: Path | None) -> Verification:
    """Verify a pack.

    Args:
        pack: its folder.
        key: file with the public key of whoever must have signed it; None: nobody in particular.

    Raises:
        UsageError: the key cannot be used.
    """
    found = verify_files(pack, key)
    if not found.problems:  # otherwise the run is not the one that was signed
        verify_run(pack, found)
    return found


def verify_files(pack: Path, key: Path | None) -> Verification:
    """Verify what needs no record: the signature, and that each file is the one that the statement names; raises as `verify_pack`."""
    found = Verification()
    found.signed = _check_signature(pack, key, found)
    stated = _read_json(pack / STATEMENT, found)
    if isinstance(stated, dict):
        found.stated = stated
        found.files = digests({name: file.read_bytes() for name, file in _files(pack, found)})
        found.problems += _differences(_listed(stated), found.files)
    elif not found.problems:
        found.problems.append(f"{STATEMENT} is not a statement.")
    return found


def made_by_this(subject: Subject) -> bool:
    """Return whether this votecheck, in its present state, made a run. Another one may render it in another way."""
    return read_subject(PROJECT, PROJECT).digests.get("validation") == subject.digests.get("validation")


def _check_signature(pack: Path, key: Path | None, found: Verification) -> bool:
    file = pack / ENVELOPE
    if not file.is_file():
        if key is None:
            found.unchecked.append(f"Who made it: {ENVELOPE} does not exist, so that nobody signed this pack.")
        else:
            found.problems.append(f"{ENVELOPE} is missing: nobody signed this pack.")
        return False
    try:
        if payload_of(file.read_bytes()) != (pack / STATEMENT).read_bytes():
            found.problems.append(f"{ENVELOPE} holds another statement than {STATEMENT}.")
        if key is None:
            found.unchecked.append(NO_KEY)
            return False
        if is_signed_by(file.read_bytes(), key):
            return True
        found.problems.append(f"{ENVELOPE} is not signed by the owner of {key}.")
    except (ValueError, OSError) as error:
        found.problems.append(f"{ENVELOPE} cannot be read: {one_line(str(error))}")
    return False


def _read_json(file: Path, found: Verification) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        found.problems.append(f"{file.name} cannot be read: {one_line(str(error))}")
        return None


def _files(pack: Path, found: Verification) -> Iterator[tuple[str, Path]]:
    for file in sorted(pack.rglob("*")):
        name = file.relative_to(pack).as_posix()
        if file.is_symlink() or not (file.is_file() or file.is_dir()):
            found.problems.append(f"{one_line(name)} is not a regular file.")
        elif file.is_file() and name not in {STATEMENT, ENVELOPE}:
            yield name, file


def _listed(stated: dict[str, Any]) -> dict[str, str]:
    try:
        return {one["name"]: one["digest"]["sha256"] for one in stated["predicate"]["configuration"]}
    except (KeyError, TypeError):
        return {}


def _differences(listed: dict[str, str], there: dict[str, str]) -> Iterator[str]:
    for name in sorted(listed.keys() | there.keys()):
        if name not in there:
            yield f"{one_line(name)} is missing."
        elif name not in listed:
            yield f"{one_line(name)} is not in the statement: someone added it."
        elif listed[name] != there[name]:
            yield f"{one_line(name)} was changed: its digest is not the one in the statement."


def verify_run(pack: Path, found: Verification) -> None:
    """Add to what `verify_files` found whether the record leads to the statement, the verdict and the pages."""
    folders = [folder for folder in pack.iterdir() if folder.is_dir() and (folder / RESULTS).is_file()]
    if len(folders) != 1:
        found.problems.append(f"{pack.name} does not hold exactly one run with {RESULTS}.")
        return
    (folder,) = folders
    run, problems = load_and_verify(folder)
    found.problems += [f"{folder.name}: {problem}" for problem in problems]
    if run is None:
        return
    found.run = run
    missing = found.stated["predicate"].get("votecheck", {}).get("missing", [])
    if statement(run, found.files, missing) != found.stated:
        found.problems.append(f"{STATEMENT} does not follow from the record: verdict, subjects or checkpoints differ.")
    found.unchecked += [one_line(sentence) for sentence in missing]
    _check_reports(folder, run, found)
    _check_proofs(pack, run, found)


def _check_reports(folder: Path, run: Run, found: Verification) -> None:
    """Compare the reports with what this votecheck renders from the record."""
    if not made_by_this(run.subject):
        found.unchecked.append("The pages for people: another state of votecheck rendered them. Their digests are right.")
        return
    for name, render in RENDERERS.items():
        if (folder / name).is_file() and (folder / name).read_text(encoding="utf-8") != render(run):
            found.problems.append(f"{folder.name}/{name} is not what the record leads to.")


def _check_proofs(pack: Path, run: Run, found: Verification) -> None:
    try:
        shipped = {(one.defect, one.finding, one.at): set(one.checkpoints) for one in read_proofs(pack / PROOFS_FILE)}
    except HarnessError as error:
        found.problems.append(one_line(str(error)))
        return
    for proof in run.started.proofs:
        if shipped.get((proof.defect, proof.finding, proof.at)) != set(proof.checkpoints):
            found.problems.append(f"{PROOFS_FILE} has no proof of {proof.defect} as the record states it.")
    ids = [result.checkpoint.id for result in run.results]
    if bare := [one for one in ids if not any(not proof.stale for proof in proofs_of(run, one))]:
        found.unchecked.append(
            f"That these checkpoints can fail: the pack has no proof that held at the time of the run: {', '.join(bare)}."
        )
