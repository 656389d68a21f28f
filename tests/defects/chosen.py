"""Which defects are proven: where CI is set all of them, elsewhere those that can be affected by what a branch changes."""

import os
from pathlib import Path

from validation import defects
from validation.git import git
from validation.kill.selection import Chosen, Wanted, choose
from validation.proving import HERE
from validation.settings import PROJECT

ALL_OF_THEM = "CI=1 tox run -e defects proves all of them"


def base(project: Path) -> str:
    """Give the commit that a branch has left its upstream at; nothing where there is no git, or nothing to compare with."""
    for upstream in ("@{upstream}", "origin/HEAD"):
        if found := git(project, "merge-base", "HEAD", upstream):
            return found.strip()
    return ""


def chosen(project: Path = PROJECT) -> Chosen:
    """Give the defects to prove, and what to tell about the others."""
    everything = tuple(one for one in defects.catalogue().values() if HERE.proves(one))
    if os.environ.get("CI"):
        return Chosen(everything, ("all of them, since CI is set",))
    if not (ref := base(project)):
        return Chosen(everything, ("all of them, since there is no upstream to compare with",))
    found = choose(Wanted(since=ref), HERE)
    return Chosen(found.defects, (*found.told, ALL_OF_THEM))
