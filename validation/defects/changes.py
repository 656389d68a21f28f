"""What a change since a git ref can affect. Where it is not known, it can."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from validation.core.errors import UsageError
from validation.core.git import git
from validation.core.settings import PROJECT
from validation.defects.catalogue import CATALOGUE, Defect
from validation.defects.feature_inputs import Uses, marks_in, read_uses
from validation.defects.proving import Bench
from validation.registry.checkpoints import registry

ENTRIES = "validation/defects/defects.toml"
SAID = frozenset({ENTRIES, "validation/defects/matrix/redundant_steps.toml"})
"""What judges nothing by itself: the entries of the catalogue, and why steps stay."""
EVERYWHERE = frozenset({"conftest.py", "pyproject.toml", "requirements.txt"})
"""Whatever is judged, is judged with these."""

FOR_READERS = (".md", ".css", ".j2")
JUDGES_IN_REPORT = frozenset({"__init__.py", "results_json.py", "model.py", "write.py"})
"""What a proof is read through; the other modules of `validation/report/` only draw."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between a ref and the working tree.

    Attributes:
        files: their paths, below the project; those that are gone and those that git does not know yet, too.
        entries: the catalogue's entries by id, as they were; none: there was no catalogue.
        features: what the changed feature files said.
    """

    files: frozenset[str]
    entries: Mapping[str, Any]
    features: Mapping[str, str]


def changes_since(ref: str, project: Path = PROJECT) -> Changes:
    """Ask git what differs between a ref and the working tree.

    Raises:
        UsageError: there is no git or no repository, or it does not know the ref.
    """
    if git(project, "rev-parse", "--is-inside-work-tree") is None:
        raise UsageError(f"{project} is in no git repository.", "--since needs git, and the history", "votecheck defects run")
    if git(project, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}") is None:
        raise UsageError(f"git knows no commit {ref}.", "a typing error, or a clone without its history", "git log --oneline, git fetch")
    # A file that was moved is two changes: what rested on its old place is affected, too.
    differing = git(project, "diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--relative", ref, "--") or ""
    untracked = git(project, "ls-files", "--others", "--exclude-standard", "-z") or ""
    files = frozenset(name for name in (differing + untracked).split("\0") if name)
    before = {name: git(project, "show", f"{ref}:./{name}") or "" for name in files if name.endswith(".feature")}
    return Changes(files, entries(git(project, "show", f"{ref}:./{ENTRIES}") or ""), before)


def entries(text: str) -> dict[str, Any]:
    """Give the entries of a catalogue by id; what was none is none, so that every entry is new."""
    try:
        return {entry["id"]: entry for entry in tomllib.loads(text).get("defect", ())}
    except (tomllib.TOMLDecodeError, KeyError, TypeError):
        return {}


def affected(
    defects: Iterable[Defect], changes: Changes, bench: Bench, uses: Uses | None = None, now: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Tell which defects some changes can affect, and why: the first reason of each, by its id.

    Args:
        defects: those to tell of.
        changes: what differs.
        bench: where they are proven: it says which checkpoints count.
        uses: what checkpoints rest on; without it what the working tree says.
        now: the catalogue's entries as they are; without it those of the working tree.
    """
    rests = read_uses() if uses is None else uses
    stands = entries(CATALOGUE.read_text(encoding="utf-8")) if now is None else now
    if general := [file for file in sorted(changes.files) if judges_all(file, rests)]:
        rest = f" and {len(general) - 1} more" if len(general) > 1 else ""
        return {one.id: f"{general[0]}{rest} changed, which everything is judged with" for one in defects}
    why = {one.id: _why(one, changes, bench, rests, stands) for one in defects}
    return {identifier: reason for identifier, reason in why.items() if reason}


def judges_all(file: str, uses: Uses) -> bool:
    """Tell whether every checkpoint rests on a file."""
    path = PurePosixPath(file)
    if file in EVERYWHERE:
        return True
    if path.parts[0] == "validation":
        drawing = path.parts[1] == "report" and path.name not in JUDGES_IN_REPORT
        return file not in SAID and path.suffix not in FOR_READERS and not drawing
    return path.parts[0] == "features" and path.suffix == ".py" and file not in uses.alone


def _why(defect: Defect, changes: Changes, bench: Bench, uses: Uses, now: Mapping[str, Any]) -> str:
    if defect.id not in changes.entries:
        return "its entry is new"
    if now.get(defect.id) != changes.entries[defect.id]:
        return "its entry changed"
    touched = sorted(changes.files.intersection(change.file for change in defect.changes))
    if bench.images(defect):  # a Dockerfile may stand in no change of its own and still make its image
        touched += sorted(file for file in changes.files if file.startswith("system/images/"))
    if bench.load(defect):
        touched += sorted(file for file in changes.files if file.startswith("loadtests/"))
    if bench.tests(defect):
        touched += sorted(file for file in changes.files if file.startswith("tests/"))
    for identifier in bench.checkpoints(defect):
        mark = registry()[identifier].mark
        told = [file for file, marks in uses.marks.items() if mark in marks]
        told += [file for file, text in changes.features.items() if mark in marks_in(text)]
        touched += sorted(changes.files.intersection([*told, *(m for f in told for m in uses.modules.get(f, ()))]))
    return f"{touched[0]} changed" if touched else ""
