"""One vote on its way from the API to the results: its fate, and the hop that answers for it."""

from dataclasses import dataclass
from enum import StrEnum

from validation.hops import sightings
from validation.hops.logs import Logs
from validation.hops.sightings import Hop, Sighting, Stored, TracedVote
from validation.probes.running.places import Places
from validation.probes.running.store import LedgerRow


class Fate(StrEnum):
    """What became of a vote."""

    LOST = "lost"
    LATE = "late"
    WRONG = "counted for another option"
    DOUBLED = "doubled"
    PHANTOM = "phantom"
    COUNTED = "counted"


@dataclass(frozen=True, slots=True)
class Trace:
    """A vote with what was seen of it at each hop."""

    vote: TracedVote
    fate: Fate
    sightings: tuple[Sighting, ...]

    @property
    def where(self) -> str:
        """The hop that answers for the vote: where a phantom was first seen, another option appeared, or any other vote was last seen."""
        at = self._at
        if at is None:
            return "seen nowhere"
        verb = {Fate.PHANTOM: "first seen", Fate.WRONG: "for another option since it was"}.get(self.fate, "last seen")
        return f"{verb} {at.hop}"

    @property
    def line(self) -> str:
        """The vote and its hop in one line, with the evidence of that hop and why it is not at the next."""
        return f"{self.vote.vote_id}: {self.told}"

    @property
    def told(self) -> str:
        """The line without the id of the vote."""
        at, after = self._at, self._after
        evidence = f" ({at.evidence})" if at and at.evidence else ""
        then = f"; {'not ' if after.seen is False else ''}{after.hop}{'?' if after.seen is None else ':'} {after.evidence}" if after else ""
        return f"{self.where}{evidence}{then}"

    @property
    def _at(self) -> Sighting | None:
        seen = [one for one in self.sightings if (one.differs if self.fate is Fate.WRONG else one.seen)]
        return None if not seen else seen[0] if self.fate in {Fate.PHANTOM, Fate.WRONG} else seen[-1]

    @property
    def _after(self) -> Sighting | None:
        """The hop that explains: of a phantom that it was not accepted, of others the first that they did not reach."""
        if self.fate is Fate.PHANTOM:
            return self.sightings[0]
        beyond = self.sightings[self.sightings.index(self._at) + 1 :] if self._at else self.sightings
        return next((one for one in beyond if one.evidence and not one.seen), None)

    def __str__(self) -> str:
        head = f"vote {self.vote.vote_id}{f' for {self.vote.option}' if self.vote.option else ''}: {self.fate}, {self.where}"
        return "\n".join([head, *map(str, self.sightings)])


def trace(vote: TracedVote, redis: Places | str, database: Stored | str, logs: Logs | None = None) -> Trace:
    """Follow a vote through what Redis and the database know. A text in place of either says why it could not be read."""
    row = database.rows.get(vote.vote_id) if isinstance(database, Stored) else None
    stream = sightings.in_stream(vote, redis, row)
    delivered, waiting = sightings.delivered(vote, redis, row, stream, logs or {})
    accepted = Sighting(Hop.ACCEPTED, bool(vote.accepted), vote.accepted or "no response with 201 named it")
    dead = sightings.dead_lettered(vote, redis)
    found = (accepted, stream, delivered, dead, sightings.in_ledger(vote, database, row), sightings.in_results(vote, database, row))
    return Trace(vote, _fate(vote, row, dead=bool(dead.seen), waiting=waiting), found)


def _fate(vote: TracedVote, row: LedgerRow | None, *, dead: bool, waiting: bool) -> Fate:
    if row is None:
        return Fate.LATE if waiting and not dead else Fate.LOST
    if not vote.accepted:
        return Fate.PHANTOM
    if row.option != vote.option:
        return Fate.WRONG
    return Fate.DOUBLED if dead else Fate.COUNTED
