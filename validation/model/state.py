"""The model: which votes were accepted, remembered, delivered, counted and are visible. Pure; time is an input.

It knows the contract and nothing about how the system keeps it. What the contract leaves open, such as which of two votes with the same key
comes first, the model learns from the first answer and holds every later one to it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from validation.model.comparing import Compare, differing

CREATED, CONFLICT = 201, 422
FRESH_SECONDS = 2.0
"""The age that results may have when they are asked for."""


@dataclass(frozen=True, slots=True)
class Cast:
    """One attempt to vote, and its answer.

    Attributes:
        key: the idempotency key; empty for none.
        status: 0 if the answer was lost.
        told: the body of the answer.
        sent, answered: monotonic seconds.
        may_be_lost: whether the API was stopped meanwhile, so that there may be no answer.
        earliest_ms, latest_ms: the clock of the API when it was sent and when it was answered, in epoch milliseconds.
    """

    key: str
    option: str
    status: int
    told: Mapping[str, object]
    sent: float
    answered: float
    may_be_lost: bool = False
    earliest_ms: float = 0.0
    latest_ms: float = 0.0

    def __str__(self) -> str:
        return f"{self.key or 'no key'} for {self.option}: {self.status or 'no answer'} {dict(self.told)}"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that the stream must hold.

    Attributes:
        fields: those that are known.
        earliest_ms, latest_ms: what its timestamp may be, if it is not among the fields.
    """

    fields: Mapping[str, str]
    earliest_ms: float = 0.0
    latest_ms: float = 0.0

    def fits(self, observed: Mapping[str, str]) -> bool:
        """Return whether an entry of the stream is this one."""
        rest = {name: value for name, value in observed.items() if name not in self.fields}
        if any(observed.get(name) != value for name, value in self.fields.items()):
            return False
        if not self.latest_ms:
            return not rest
        written = rest.pop("timestamp", "")
        return not rest and written.isdigit() and self.earliest_ms <= int(written) <= self.latest_ms


@dataclass(slots=True)
class Remembered:
    """What is remembered of a key: the entry, and when it was first answered for."""

    option: str
    stream_id: str
    sent: float
    answered: float


@dataclass
class Model:
    """The state of one example.

    Attributes:
        options: all options, in the order of VOTE_OPTIONS.
        remember_seconds: how long a key is remembered.
        before: the counts when the example began.
        entries: what the stream must hold, by stream id.
        votes: the option of each vote that must be counted, by vote id.
        valid: how many entries are votes, repeated ones included.
        malformed: the fields of entries that are not votes, by stream id.
        confirmed: counts that the database is known to have held, with the time by which it held them.
        remembered: what is remembered of each key.
        ids: the vote id of each key.
        open: votes that wait with several options, by vote id: the option that is counted first stands, and nobody knows yet which.
    """

    options: Sequence[str]
    remember_seconds: float
    before: Mapping[str, int]
    compare: Compare
    entries: dict[str, Entry] = field(default_factory=dict)
    votes: dict[str, str] = field(default_factory=dict)
    valid: int = 0
    malformed: dict[str, dict[str, str]] = field(default_factory=dict)
    confirmed: list[tuple[float, Mapping[str, int]]] = field(default_factory=list)
    remembered: dict[str, Remembered] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    open: dict[str, set[str]] = field(default_factory=dict)
    _counted: set[str] = field(default_factory=set)

    def cast(self, attempts: Iterable[Cast]) -> None:
        """Check the answers to attempts that were made at the same time, and take over what they promise.

        Raises:
            Differs: an answer is wrong.
        """
        by_key: dict[str, list[Cast]] = {}
        for number, attempt in enumerate(attempts):
            by_key.setdefault(attempt.key or f"\0{number}", []).append(attempt)
        for key, same in by_key.items():
            if key.startswith("\0"):
                self._without_key(same[0])
            else:
                self._with_key(key, same)

    def produced(self, stream_id: str, fields: Mapping[str, str], *, is_vote: bool) -> None:
        """Take over an entry that another program added."""
        self.entries[stream_id] = Entry(dict(fields))
        if is_vote:
            self._vote(fields["request_id"], fields["option"])
        else:
            self.malformed[stream_id] = dict(fields)

    def counted(self, ledger: Mapping[str, str]) -> None:
        """Check the ledger once every entry was acknowledged: each vote, no other, with an option that it was cast for."""
        for vote_id, options in self.open.items():
            if ledger.get(vote_id) in options:
                self.votes[vote_id] = ledger[vote_id]
        self.compare(
            "counted votes", "vote id and option in the ledger, where they differ (model / ledger)", "", differing(self.votes, ledger)
        )
        self.open.clear()
        self._counted.update(self.votes)

    @property
    def counts(self) -> dict[str, int]:
        """The counts when everything is counted."""
        added = Counter(self.votes.values())
        return {option: self.before.get(option, 0) + added[option] for option in self.options}

    @property
    def at_most(self) -> dict[str, int]:
        """The highest counts that anything may show now: each vote that waits with several options may count for any of them."""
        several = [option for vote_id, options in self.open.items() for option in options - {self.votes[vote_id]}]
        return {option: count + several.count(option) for option, count in self.counts.items()}

    def at_least(self, at: float) -> Mapping[str, int]:
        """Return the counts that results read at a time must have reached: those known to be counted when these are two seconds old."""
        return next((counts for when, counts in reversed(self.confirmed) if when < at - FRESH_SECONDS), {})

    def _without_key(self, attempt: Cast) -> None:
        if attempt.may_be_lost and not attempt.status:
            return
        self._expect_status(attempt, {CREATED})
        self._take(attempt)

    def _with_key(self, key: str, same: Sequence[Cast]) -> None:
        known = self.remembered.get(key)
        answered = [one for one in same if one.status or not one.may_be_lost]
        for one in answered:
            self._expect_status(one, {CREATED, CONFLICT})
        accepted = [one for one in answered if one.status == CREATED]
        sure = known is not None and max(one.answered for one in same) < known.sent + self.remember_seconds
        gone = known is None or min(one.sent for one in same) > known.answered + self.remember_seconds
        places = {str(one.told.get("stream_id")) for one in accepted}
        old = known.stream_id if known else ""
        fresh = places - {old}
        story = "\n".join(map(str, same))
        if known and sure:
            self.compare("answers to votes", f"entries of the remembered key {key}", {old}, places | {old}, evidence=story)
        elif gone:
            self.compare("answers to votes", f"entry of the forgotten key {key}", "a new one", sorted(places), holds=old not in places,
                         evidence=story)  # fmt: skip
            self.compare("answers to votes", f"votes accepted for the new key {key}", "at least one", len(accepted), holds=bool(accepted),
                         evidence=story)  # fmt: skip
        self.compare(
            "answers to votes", f"new entries for the key {key}", "at most one", sorted(fresh), holds=len(fresh) <= 1, evidence=story
        )
        for place in sorted(places):
            of_place = [one for one in accepted if one.told.get("stream_id") == place]
            self._same_option(key, known.option if known and place == old else of_place[0].option, of_place, story)
        if len(places | {old} - {""}) == 1 and (sure or gone):  # nothing was forgotten meanwhile: the other option is refused each time
            winner = known.option if known and sure else accepted[0].option
            for one in answered:
                expected = CREATED if one.option == winner else CONFLICT
                self.compare("answers to votes", f"status for the key {key} of a vote for {winner}", expected, one.status, evidence=story)
        for one in accepted:
            self._receipt(one)
        if fresh:
            first = next(one for one in accepted if one.told.get("stream_id") in fresh)
            self._add(first, same)
            self.remembered[key] = Remembered(
                first.option, next(iter(fresh)), min(one.sent for one in same), max(one.answered for one in same)
            )

    def _same_option(self, key: str, option: str, of_place: Sequence[Cast], story: str) -> None:
        for one in of_place:
            self.compare("answers to votes", f"option accepted for the key {key}", option, one.option, evidence=story)

    def _expect_status(self, attempt: Cast, allowed: set[int]) -> None:
        self.compare(
            "answers to votes", "status of a vote", sorted(allowed), attempt.status, holds=attempt.status in allowed, evidence=attempt
        )

    def _take(self, attempt: Cast) -> None:
        self._receipt(attempt)
        self._add(attempt, [attempt])

    def _receipt(self, attempt: Cast) -> None:
        """Check the body of a 201: it names this vote and no other."""
        told = attempt.told
        self.compare(
            "answers to votes", "fields of a receipt", ["message", "option", "stream_id", "vote_id"], sorted(told), evidence=attempt
        )
        self.compare("answers to votes", "option of a receipt", attempt.option, told["option"], evidence=attempt)
        if attempt.key:
            vote_id = self.ids.setdefault(attempt.key, str(told["vote_id"]))
            self.compare("answers to votes", f"vote id of the key {attempt.key}", vote_id, told["vote_id"], evidence=attempt)
            others = {one for key, one in self.ids.items() if key != attempt.key}
            self.compare("answers to votes", f"another key with the vote id of {attempt.key}", "none", str(told["vote_id"]),
                         holds=told["vote_id"] not in others, evidence=attempt)  # fmt: skip

    def _add(self, attempt: Cast, same: Sequence[Cast]) -> None:
        stream_id, vote_id = str(attempt.told["stream_id"]), str(attempt.told["vote_id"])
        self.compare("answers to votes", "entry of a new vote", "one of its own", stream_id, holds=stream_id not in self.entries,
                     evidence=attempt)  # fmt: skip
        fields = {"option": attempt.option, "request_id": vote_id}
        self.entries[stream_id] = Entry(fields, min(one.earliest_ms for one in same), max(one.latest_ms for one in same))
        self._vote(vote_id, attempt.option)

    def _vote(self, vote_id: str, option: str) -> None:
        self.valid += 1
        first = self.votes.setdefault(vote_id, option)
        if vote_id not in self._counted:
            self.open.setdefault(vote_id, {first}).add(option)
