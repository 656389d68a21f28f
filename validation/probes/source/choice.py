"""The scenarios that `--scenario` names: by name, by the name filled with a row of Examples, or by FILE:LINE."""

import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches

from validation.core.errors import UsageError
from validation.probes.source.scenarios import Scenario, filled

_PLACE = re.compile(r"(?P<file>[^\s:]+\.feature):(?P<line>\d+)")
NEAREST = 5
"""How many of the nearest names an error lists."""


def resolve(words: Collection[str], written: Sequence[Scenario]) -> tuple[str, ...]:
    """Return the names that some words choose.

    Raises:
        UsageError: a word chooses nothing; the message lists the nearest names.
    """
    return tuple(dict.fromkeys(_name(" ".join(word.split()), written) for word in words))


def chooses(names: Collection[str], *of_scenario: str) -> bool:
    """Return whether names choose a scenario, given its name as written and filled. No names choose every scenario."""
    return not names or not set(names).isdisjoint(of_scenario)


def chosen(names: Collection[str], written: Sequence[Scenario]) -> list[Scenario]:
    """Return the scenarios that names choose, whole or with some of their rows."""
    return [one for one in written if chooses(names, one.name, *one.names())]


def _name(word: str, written: Sequence[Scenario]) -> str:
    if place := _PLACE.fullmatch(word):
        return _at(place["file"], int(place["line"]), written)
    known = list(dict.fromkeys(name for one in written for name in (one.name, *one.names())))
    if word in known:
        return word
    same = {name.casefold(): name for name in known}
    if word.casefold() in same:
        return same[word.casefold()]
    near = [same[name] for name in get_close_matches(word.casefold(), same, NEAREST, cutoff=0.4)]
    near = list(dict.fromkeys([*(name for name in known if word.casefold() in name.casefold()), *near]))[:NEAREST]
    listed = "".join(f"\n  {name}" for name in near) or " none"
    raise UsageError(f"There is no scenario {word!r}. Nearest names:{listed}", "", "votecheck explain 5.1")


def _at(file: str, line: int, written: Sequence[Scenario]) -> str:
    of_file = [one for one in written if one.feature == file or one.feature.endswith(f"/{file}")]
    if not of_file:
        files = "".join(f"\n  {name}" for name in get_close_matches(file, sorted({one.feature for one in written}), NEAREST, cutoff=0.2))
        raise UsageError(f"There is no feature {file}. Nearest files:{files or ' none'}", "", "ls features/*/*.feature")
    above = [one for one in of_file if one.line <= line]
    if not above:
        raise UsageError(f"Line {line} of {file} is above its first scenario.", "", f"sed -n {of_file[0].line}p {of_file[0].feature}")
    found = max(above, key=lambda one: one.line)
    rows = (
        filled(found.name, table.headings, row)
        for table in found.tables
        for row, at in zip(table.rows, table.lines, strict=True)
        if at == line
    )
    return next(rows, found.name)
