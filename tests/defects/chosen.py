"""Which defects are proven: where CI is set all of them, elsewhere those that can be affected by what a branch changes."""

import os
from pathlib import Path

from validation.core.git import git
from validation.core.settings import PROJECT
from validation.defects.proving import HERE
from validation.defects.selection import Chosen, Wanted, choose

ALL_OF_THEM = "CI=1 tox run -e defects proves all of them"


def base(project: Path) -> str:
    """Give the commit that a branch has left its upstream at; nothing where there is no git, or nothing to compare with."""
    for upstream in ("@{upstream}", "origin/HEAD"):
        if found := git(project, "merge-base", "HEAD", upstream):
            return found.strip()
    return ""


def chosen(project: Path = PROJECT) -> Chosen:
    """Give the defects to prove, and what to tell about the others."""
    in_ci = bool(os.environ.get("CI"))
    ref = "" if in_ci else base(project)
    found = choose(Wanted(since=ref), HERE)
    why = ALL_OF_THEM if ref else f"all of them, since {'CI is set' if in_ci else 'there is no upstream to compare with'}"
    return Chosen(found.defects, (*found.told, why))


CHOSEN = chosen()
"""Those of this session: what is changed while it runs is not looked at."""
