"""Which defects a change since a git ref can affect. When in doubt, it can."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from validation.core.errors import UsageError
from validation.core.git import git
from validation.core.settings import PROJECT
from validation.defects.catalogue import CATALOGUE, Defect
from validation.defects.feature_inputs import Inputs, read_inputs, tags_in
from validation.defects.proving.bench import Bench
from validation.registry.checkpoints import registry

ENTRIES = "validation/defects/defects.toml"
NO_CODE = frozenset({ENTRIES, "validation/defects/proofs.jsonl", "validation/defects/matrix/redundant_steps.toml"})
"""Files without an effect on other results: the catalogue, whose entries count for their own defect, proofs, and reasons to keep steps."""
EVERYWHERE = frozenset({"conftest.py", "pyproject.toml", "requirements.txt"})
"""Files outside the packages that every result depends on."""

FOR_READERS = (".md", ".css", ".j2")
REPORT_MODULES_READ = frozenset({"__init__.py", "results_json.py", "model.py", "write.py"})
"""A proof reads its results through these modules of `validation/report/`; the others only render."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The differences between a ref and the working tree.

    Attributes:
        files: their paths below the project, including deleted and untracked files.
        entries: the catalogue's entries by id at the ref; empty if there was no catalogue.
        features: the text of the changed feature files at the ref.
    """

    files: frozenset[str]
    entries: Mapping[str, Any]
    features: Mapping[str, str]


def changes_since(ref: str, project: Path = PROJECT) -> Changes:
    """Return the differences between a ref and the working tree, from git.

    Raises:
        UsageError: git is missing, the project is not in a repository, or the ref is unknown.
    """
    if git(project, "rev-parse", "--is-inside-work-tree") is None:
        raise UsageError(f"{project} is not in a git repository.", "--since needs git and the history", "votecheck defects run")
    if git(project, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}") is None:
        raise UsageError(f"git does not know a commit {ref}.", "a typing error, or a clone without its history", "git fetch")
    # --no-renames: a moved file also affects what depended on its old place.
    differing = git(project, "diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--relative", ref, "--") or ""
    untracked = git(project, "ls-files", "--others", "--exclude-standard", "-z") or ""
    files = frozenset(name for name in (differing + untracked).split("\0") if name)
    before = {name: git(project, "show", f"{ref}:./{name}") or "" for name in files if name.endswith(".feature")}
    return Changes(files, entries(git(project, "show", f"{ref}:./{ENTRIES}") or ""), before)


def entries(text: str) -> dict[str, Any]:
    """Return the entries of a catalogue by id; an unreadable catalogue has none, so every entry is new."""
    try:
        return {entry["id"]: entry for entry in tomllib.loads(text).get("defect", ())}
    except (tomllib.TOMLDecodeError, KeyError, TypeError):
        return {}


def affected(
    defects: Iterable[Defect], changes: Changes, bench: Bench, inputs: Inputs | None = None, now: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Return the defects that changes can affect, by id, each with the first reason.

    Args:
        defects: those to choose from.
        changes: the differences.
        bench: where they are proven, which decides the checkpoints that count.
        inputs: what checkpoints depend on; by default, read from the working tree.
        now: the current entries of the catalogue; by default, read from the working tree.
    """
    depends = read_inputs() if inputs is None else inputs
    current = entries(CATALOGUE.read_text(encoding="utf-8")) if now is None else now
    if general := [file for file in sorted(changes.files) if affects_all(file, depends)]:
        rest = f" and {len(general) - 1} more" if len(general) > 1 else ""
        return {one.id: f"{general[0]}{rest} changed, on which every result depends" for one in defects}
    why = {one.id: _why(one, changes, bench, depends, current) for one in defects}
    return {identifier: reason for identifier, reason in why.items() if reason}


def affects_all(file: str, inputs: Inputs) -> bool:
    """Return whether the results of every checkpoint depend on a file."""
    path = PurePosixPath(file)
    if file in EVERYWHERE:
        return True
    if path.parts[0] == "validation":
        renders = path.parts[1] == "report" and path.name not in REPORT_MODULES_READ
        return file not in NO_CODE and path.suffix not in FOR_READERS and not renders
    return path.parts[0] == "features" and path.suffix == ".py" and file not in inputs.alone


def _why(defect: Defect, changes: Changes, bench: Bench, inputs: Inputs, now: Mapping[str, Any]) -> str:
    if defect.id not in changes.entries:
        return "its entry is new"
    if now.get(defect.id) != changes.entries[defect.id]:
        return "its entry changed"
    touched = sorted(changes.files.intersection(change.file for change in defect.changes))
    if bench.images(defect):  # a Dockerfile builds its image even if the defect does not change it
        touched += sorted(file for file in changes.files if file.startswith("system/images/"))
    if bench.load(defect):
        touched += sorted(file for file in changes.files if file.startswith("loadtests/"))
    if bench.tests(defect):
        touched += sorted(file for file in changes.files if file.startswith("tests/"))
    for identifier in bench.checkpoints(defect):
        tag = registry()[identifier].mark
        features = [file for file, tags in inputs.tags.items() if tag in tags]
        features += [file for file, text in changes.features.items() if tag in tags_in(text)]
        touched += sorted(changes.files.intersection([*features, *(m for f in features for m in inputs.modules.get(f, ()))]))
    return f"{touched[0]} changed" if touched else ""
