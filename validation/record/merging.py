"""One record from those of all shards of a run. Pure: the same shards give the same events."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from msgspec import structs

from validation.core.commands import without
from validation.core.errors import UsageError
from validation.core.shards import Shard, parse
from validation.record.events import (
    Event,
    EvidenceLimited,
    HarnessFailed,
    Measured,
    Planned,
    ProcessorsUsed,
    Required,
    RunFinished,
    RunStarted,
    ShardMerged,
    SubjectSeen,
)
from validation.record.evidence import together
from validation.record.last_release import LastRelease
from validation.record.subject import Subject, differences
from validation.record.subject import merged as merged_subject

OWN = frozenset({"run", "started", "machine", "shard", "flags", "subject"})
"""What the first events of two shards may differ in. Their options must be the same, apart from the folder of the reports."""
REPORTS = "--reports"
AGAIN = "votecheck run --shard {}"


@dataclass(frozen=True, slots=True)
class Part:
    """The record of one shard.

    Attributes:
        where: its folder, as the user knows it.
        events: its events, which begin with `RunStarted`.
        seal, lines: the last seal of its record and the number of its lines.
    """

    where: str
    events: tuple[Event, ...]
    seal: str
    lines: int

    @property
    def started(self) -> RunStarted:
        """Its first event.

        Raises:
            UsageError: the record has none.
        """
        first = self.events[0] if self.events else None
        if not isinstance(first, RunStarted):
            raise UsageError(f"The record in {self.where} has no start.", "the run was stopped at once", AGAIN.format("1/2"))
        return first

    @property
    def shard(self) -> Shard:
        """Which part it is.

        Raises:
            UsageError: the run had no shards.
        """
        found = parse(self.started.shard, AGAIN.format("1/2"))
        if found is None:
            raise UsageError(f"The run in {self.where} is not a shard.", "it was started without --shard", AGAIN.format("1/2"))
        return found

    def __str__(self) -> str:
        """Return its name for a message."""
        return f"Shard {self.shard} in {self.where}"


def merged(given: Sequence[Part], run: str, flags: Sequence[str]) -> Iterator[Event]:
    """Yield the events of the whole run.

    Args:
        given: the shards, in any order.
        run: the id of the merged run.
        flags: its options, for the commands that its reports show.

    Raises:
        UsageError: the shards do not make one run; the message names the shard that does not fit.
    """
    parts = _in_order(given)
    _check_same_run(parts)
    required = _required(parts)
    _check_no_overlap(parts)
    yield _start(parts, run, flags)
    for part in parts:
        started, seconds = part.started, _seconds(part)
        yield ShardMerged(started.shard, started.run, started.started, seconds, started.machine, part.seal, part.lines)
    yield from filter(None, [_last_release(parts[0])])
    yield from required
    shared = _measured_by_several(parts)
    for part in parts:
        yield from _events(part, shared)
    yield from _evidence_limited(parts)
    yield RunFinished(_whole_seconds(parts))


def settings_of(flags: Sequence[str]) -> list[str]:
    """Return the options of a run without the folder of its reports, which changes nothing that it observes."""
    return without(flags, {REPORTS})


def _in_order(parts: Sequence[Part]) -> list[Part]:
    """Return the shards by number.

    Raises:
        UsageError: there are none, one is missing or given twice, or they are parts of different divisions.
    """
    if not parts:
        raise UsageError("There is nothing to merge.", "", "votecheck merge DIR...")
    found: dict[int, Part] = {}
    for part in sorted(parts, key=lambda part: (part.shard.number, part.where)):
        first = next(iter(found.values()), part)
        if part.shard.of != first.shard.of:
            raise UsageError(f"{part} and {first} belong to different divisions: into {part.shard.of} and into {first.shard.of} shards.")
        if part.shard.number in found:
            raise UsageError(f"{part} overlaps: {found[part.shard.number].where} is shard {part.shard}, too.", "", "pass each shard once")
        found[part.shard.number] = part
    of = parts[0].shard.of
    if missing := [str(Shard(number, of)) for number in range(1, of + 1) if number not in found]:
        which = f"Shard {missing[0]} is" if len(missing) == 1 else f"Shards {', '.join(missing)} are"
        raise UsageError(f"{which} missing.", "a job that failed before its run began", AGAIN.format(missing[0]))
    return list(found.values())


def _check_same_run(parts: Sequence[Part]) -> None:
    """Check that shards differ only in what may differ.

    Raises:
        UsageError: they do not, for example because they are of different subjects.
    """
    for part in parts[1:]:
        if other := _differences(_subject(parts[0]), _subject(part)):
            raise UsageError(f"{part} is of another subject than {parts[0]}. {other[0]}.", "another commit, or changed files")
        for name, wanted in _settings(parts[0]).items():
            if (found := _settings(part).get(name)) != wanted:
                raise UsageError(
                    f"{part} differs from {parts[0]} in {name}: {_shown(found)} instead of {_shown(wanted)}.",
                    "it ran another commit, or with other options",
                    "run all shards with the same options on the same commit",
                )


def _subject(part: Part) -> Subject:
    return merged_subject(e.subject for e in part.events if isinstance(e, RunStarted | SubjectSeen) and e.subject)


def _differences(one: Subject, other: Subject) -> list[str]:
    if bool(one.digests) != bool(other.digests):
        return ["One of them has no digests of its files"]
    return differences(one, other)


def _settings(part: Part) -> dict[str, Any]:
    """Return what all shards must have in common, by name; a field that is a mapping entry by entry."""
    started, found = part.started, dict[str, Any]()
    for name in (name for name in RunStarted.__struct_fields__ if name not in OWN):
        value = getattr(started, name)
        found |= {f"{name} {key}": one for key, one in value.items()} if isinstance(value, dict) and value else {name: value}
    common = {"python": started.machine.get("python"), "options": settings_of(started.flags), "last release": _last_release(part)}
    return found | common


def _last_release(part: Part) -> LastRelease | None:
    return next((e for e in part.events if isinstance(e, LastRelease)), None)


def _shown(value: Any) -> str:
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value or "nothing")
    return (text or "nothing")[:200]


def _required(parts: Sequence[Part]) -> list[Required]:
    """Return what the whole run requires: every shard read the same features, and no row falls to none or to two of them.

    Raises:
        UsageError: that is not so.
    """
    lists = [[e for e in part.events if isinstance(e, Required)] for part in parts]
    whole = [structs.replace(one, here=None) for one in lists[0]]
    for part, found in zip(parts[1:], lists[1:], strict=True):
        if [structs.replace(one, here=None) for one in found] != whole:
            raise UsageError(f"{part} read other features than {parts[0]}.", "it was run from another commit", AGAIN.format(part.shard))
    for one, *rows in zip(whole, *([e.here or 0 for e in found] for found in lists), strict=True):
        if sum(rows) != one.rows:
            shared = ", ".join(f"{part.shard} runs {here}" for part, here in zip(parts, rows, strict=True))
            raise UsageError(f"The shards run {sum(rows)} of {one.rows} rows of {one.name!r}: {shared}.", "they know different durations")
    return whole


def _check_no_overlap(parts: Sequence[Part]) -> None:
    owners: dict[str, Part] = {}
    for part in parts:
        for event in part.events:
            if isinstance(event, Planned) and owners.setdefault(event.scenario, part) is not part:
                raise UsageError(f"{part} overlaps with {owners[event.scenario]}: both ran {event.scenario}.")


def _start(parts: Sequence[Part], run: str, flags: Sequence[str]) -> RunStarted:
    starts = [part.started for part in parts]
    machine = {name: ", ".join(dict.fromkeys(one.machine.get(name, "unknown") for one in starts)) for name in starts[0].machine}
    first = min(one.started for one in starts)
    return structs.replace(starts[0], run=run, started=first, machine=machine, shard="", flags=list(flags))


def _events(part: Part, shared: set[str]) -> Iterator[Event]:
    """Yield the events of a shard that are those of the whole run, too. What would be ambiguous there names the shard."""
    for event in part.events:
        if isinstance(event, HarnessFailed):
            yield HarnessFailed(f"Shard {part.shard}: {event.what}")
        elif isinstance(event, Measured) and event.name in shared:
            yield structs.replace(event, name=f"{event.name}, shard {part.shard}")
        elif not isinstance(event, RunStarted | LastRelease | Required | EvidenceLimited | ProcessorsUsed | RunFinished):
            yield event
    if not any(isinstance(event, RunFinished) for event in part.events):
        yield HarnessFailed(f"Shard {part.shard} was cut off: its record has no end.")


def _evidence_limited(parts: Sequence[Part]) -> Iterator[EvidenceLimited]:
    """Yield what the shards together could not keep in full, if anything: the last of these events counts in each."""
    last = [next((e for e in reversed(part.events) if isinstance(e, EvidenceLimited)), None) for part in parts]
    if found := [one for one in last if one]:
        yield together(found)


def _measured_by_several(parts: Sequence[Part]) -> set[str]:
    names = Counter(name for part in parts for name in {e.name for e in part.events if isinstance(e, Measured)})
    return {name for name, shards in names.items() if shards > 1}


def _seconds(part: Part) -> float:
    return next((e.seconds for e in part.events if isinstance(e, RunFinished)), 0.0)


def _whole_seconds(parts: Sequence[Part]) -> float:
    """Return the time from the start of the first shard to the end of the last one, in seconds."""
    begun = [datetime.fromisoformat(part.started.started) for part in parts]
    ended = [start + timedelta(seconds=_seconds(part)) for start, part in zip(begun, parts, strict=True)]
    return round((max(ended) - min(begun)).total_seconds(), 2)
