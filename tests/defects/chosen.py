"""Which defects are proven: all if CI is set, otherwise those that the changes of a branch can affect. DEFECT_SHARE=2/3 takes a share."""

import os
from pathlib import Path

from validation.core.git import git
from validation.core.settings import PROJECT
from validation.defects.proving.bench import HERE
from validation.defects.selection import Chosen, Wanted, choose

ALL_OF_THEM = "CI=1 tox run -e defects proves all of them"


def base(project: Path) -> str:
    """Return the commit where the branch left its upstream; empty without git or an upstream."""
    for upstream in ("@{upstream}", "origin/HEAD"):
        if found := git(project, "merge-base", "HEAD", upstream):
            return found.strip()
    return ""


def chosen(project: Path = PROJECT) -> Chosen:
    """Return the defects to prove, and notes about the others."""
    in_ci = bool(os.environ.get("CI"))
    ref = "" if in_ci else base(project)
    found = choose(Wanted(since=ref), HERE)
    why = ALL_OF_THEM if ref else f"all of them, because {'CI is set' if in_ci else 'there is no upstream to compare with'}"
    if share := os.environ.get("DEFECT_SHARE", ""):
        number, _, of = share.partition("/")
        kept = found.defects[int(number) - 1 :: int(of)]
        why = f"{len(kept)} of {len(found.defects)}, the share {share}, because DEFECT_SHARE is set; {ALL_OF_THEM}"
        return Chosen(kept, (*found.notes, why))
    return Chosen(found.defects, (*found.notes, why))


CHOSEN = chosen()
"""The choice of this session. Later changes do not affect it."""
