"""The release policy: what a run must have covered before its verdict may be GO. No other module decides that."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from validation.core.settings import FAULT_MINUTES, FIDELITIES
from validation.record.events import RunStarted

LEVELS = FIDELITIES
"""A release must be proven at all of these levels: each checkpoint at every one that it names."""
PLACES = {"files": "in the source files", "local": "on a running system", "image": "in images", "cluster": "in a cluster"}
COMMAND = "votecheck run"
"""The only command that can clear a release. Plain pytest takes options that leave scenarios out."""
REDUCING = {
    "--quick": "Quick run: it skipped some scenarios of each kind.",
    "--redis-setting": "The managed Redis had other settings than the chart's.",
}
"""Options after which a run says nothing about a release, and why."""


def reductions(started: RunStarted, registered: Collection[str]) -> Iterator[str]:
    """Yield what the options of a run left out of a whole run, one sentence each.

    Args:
        started: the settings of the run.
        registered: the ids of all checkpoints.
    """
    if started.shard:
        yield f"Shard {started.shard}: only a part of the scenarios ran. votecheck merge makes one run of all shards."
    if started.command != COMMAND:
        yield f"Run by {started.command}, whose options can leave scenarios out."
    if missing := len(set(registered) - set(started.scope)):
        yield f"Partial run: {len(registered) - missing} of {len(registered)} checkpoints; {missing} not run."
    if started.scenarios:
        yield f"Only these scenarios ran: {'; '.join(started.scenarios)}."
    yield from (sentence for option, sentence in REDUCING.items() if option in started.flags)
    if started.fault_minutes < FAULT_MINUTES:
        yield f"Random faults were injected for {started.fault_minutes:g} minutes; a release needs {FAULT_MINUTES:g}."


def unproven_levels(lacking: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield which checkpoints were not proven at a level that a release needs, one sentence for each level.

    Args:
        lacking: for each checkpoint that passed, by its id, the levels that it names and was not proven at.
    """
    for level in LEVELS:
        if ids := [identifier for identifier, levels in lacking.items() if level in levels]:
            yield f"Not checked {PLACES[level]}: {', '.join(ids)}."
