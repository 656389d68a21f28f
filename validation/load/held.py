"""Compares the load runs that the folders of two runs hold, for `votecheck diff`."""

from pathlib import Path

import msgspec

from validation.core.errors import UsageError
from validation.load.compare import Change, Noise, compare, noise_file
from validation.load.report.write import RESULT, read
from validation.report.diff import Load


def compare_held(before: Path, after: Path, reports: Path) -> Load:
    """Return how the load runs below two folders differ, by more than the noise of this machine.

    Args:
        before: the folder of the earlier run, with that of a load run in it.
        after: the folder of the later one, likewise.
        reports: the folder with the noise of this machine.
    """
    found = [sorted(folder.rglob(RESULT)) for folder in (before, after)]
    if not all(len(files) == 1 for files in found):
        return Load([], "not both runs hold one load run (copy its folder into that of the run before votecheck bundle)")
    try:
        first, second = (read(files[0].parent) for files in found)
        file = noise_file(reports, second)
        if not file.is_file():
            return Load([], f"the noise of this machine is not known (votecheck load noise {second.scenario})")
        changes = compare(first, second, msgspec.json.decode(file.read_bytes(), type=Noise))
    except (UsageError, OSError, msgspec.MsgspecError) as error:
        return Load([], " ".join(str(error).split()))
    return Load([shown(one) for one in changes if one.before != one.after], "")


def shown(one: Change) -> str:
    """Return a change as one line."""
    interval = f"x {one.ratio:.2f} (between {one.low:.2f} and {one.high:.2f})"
    return f"{one.figure:36} {one.before:10.4g} -> {one.after:10.4g}  {interval:32} {one.word}"
