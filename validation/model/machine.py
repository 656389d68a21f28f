"""Draws the steps: a state machine of hypothesis whose one rule draws a step and lets it happen."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, rule

from validation.core.errors import HarnessError, NotProven
from validation.model import failures, steps
from validation.model.comparing import Compare, Differs
from validation.model.example import Choice, Example
from validation.model.parts import LINES, OPTIONS, Parts

STEPS = 20
"""Steps of an example; before its last steps, each kind has had its turn."""
KEYS = ("k1", "k2", "k3")
FEW = OPTIONS[:3]
"""Options of votes with a key: the fewer, the more often a key comes with another option."""
OFFSETS = (3600.0, -3600.0, 86_400.0, -86_400.0)
"""Seconds by which clocks differ: more than any time that the system remembers or waits."""
COSTLY = {
    failures.DatabaseAway.kind: 1,
    failures.RestartApi.kind: 1,
    failures.RestartConsumer.kind: 2,
    steps.Settle.kind: 2,
    steps.Follow.kind: 1,
    steps.Reconnect.kind: 2,
}
"""How often a kind that takes seconds may happen in an example."""

_choices = some.builds(Choice, some.sampled_from((*KEYS, *KEYS, "")), some.sampled_from(FEW)) | some.builds(
    Choice, some.just(""), some.sampled_from(OPTIONS)
)
_keyed = some.builds(Choice, some.sampled_from(KEYS), some.sampled_from(FEW[:1])) | some.integers(0, 999).map(
    lambda n: Choice(f"n{n}", OPTIONS[n % 7])
)
_others = some.sampled_from((steps.RESULTS, *steps.OTHER_REQUESTS))
_pipeline = some.lists(some.one_of(_choices, _choices, _choices, _others), min_size=1, max_size=5).map(tuple)
_either = some.sampled_from((0, 1))
_what = some.sampled_from((*steps.UNUSUAL, *steps.MALFORMED, "a repeated vote", "a repeated vote"))

DRAWN: dict[str, some.SearchStrategy[steps.Step]] = {
    steps.Votes.kind: some.builds(steps.Votes, _either, some.lists(_pipeline, min_size=3, max_size=LINES).map(tuple)),
    steps.Results.kind: some.builds(steps.Results, _either),
    steps.Producer.kind: some.builds(
        steps.Producer, some.lists(some.tuples(_what, some.sampled_from(OPTIONS)), min_size=2, max_size=8).map(tuple)
    ),
    steps.Reader.kind: some.builds(steps.Reader, some.sampled_from((1, 5, 20)), some.sampled_from((0, 1, 3, 20))),
    steps.Clock.kind: some.builds(
        steps.Clock,
        some.sampled_from(OFFSETS),
        some.sampled_from((0.0, *OFFSETS)),
        some.sampled_from(OFFSETS),
        some.sampled_from(("c1", "c2")),
    ),
    steps.Follow.kind: some.builds(steps.Follow, _either, some.tuples(some.sampled_from(OPTIONS), some.sampled_from(OPTIONS))),
    steps.Reconnect.kind: some.builds(steps.Reconnect, _either, some.sampled_from(OPTIONS)),
    failures.RestartConsumer.kind: some.builds(failures.RestartConsumer, _either, some.booleans()),
    failures.RestartApi.kind: some.builds(
        failures.RestartApi,
        _either,
        some.booleans(),
        some.lists(_keyed, min_size=2, max_size=6, unique_by=lambda choice: choice.key).map(tuple),
    ),
    failures.DatabaseAway.kind: some.builds(
        failures.DatabaseAway, some.sampled_from(("APIs", "APIs and consumers")), some.lists(_choices, min_size=1, max_size=6).map(tuple)
    ),
    steps.Settle.kind: some.builds(steps.Settle),
}
"""Strategy by kind of step; the cheap ones first, because shrinking prefers them."""


@dataclass(frozen=True)
class Counterexample:
    """The steps that led to an answer that differs from the model."""

    steps: tuple[steps.Step, ...]
    differs: Differs


@dataclass
class Progress:
    """What the examples of a run have done.

    Attributes:
        may_go_on: whether there is time for another step.
        tried: examples that were drawn.
        examples: examples that ran to their end.
        ran: kind → steps that ran to their end.
        found: the counter-example.
        broken: why the harness could not go on.
    """

    compare: Compare
    may_go_on: Callable[[], bool]
    tried: int = 0
    examples: int = 0
    ran: Counter[str] = field(default_factory=Counter)
    found: Counterexample | None = None
    broken: Exception | None = None


@dataclass
class Play:
    """Steps as they happen to the parts. The example begins with the first of them."""

    parts: Parts
    compare: Compare
    done: list[steps.Step] = field(default_factory=list)
    example: Example | None = None
    found: Counterexample | None = None

    def add(self, step: steps.Step) -> None:
        """Do a step, and compare what shows meanwhile.

        Raises:
            Differs: an answer is wrong.
            HarnessError: the harness could not look.
        """
        self.done.append(step)
        try:
            if self.example is None:
                self.parts.wait_until_ready(*self.parts.all)
                self.example = Example(self.parts, self.compare)
            step.run(self.example)
            self.example.watching.check()
            self.example.confirm()
        except Differs as differs:
            self.found = Counterexample(tuple(self.done), differs)
            raise

    def end(self) -> None:
        """Close what is open. After a wrong answer the parts start again from nothing."""
        if self.example is not None:
            self.example.watching.watch.close()
        if self.found is not None:
            self.parts.restore()


class Steps(RuleBasedStateMachine):
    """Draws steps and lets them happen to the parts."""

    parts: ClassVar[Parts]
    progress: ClassVar[Progress]

    def __init__(self) -> None:
        super().__init__()
        self.progress.tried += 1
        self._skipped = self.progress.tried == 1  # hypothesis tries the simplest example first, which says little and takes as long
        self._play = Play(self.parts, self.progress.compare)

    @rule(data=some.data())
    def step(self, data: Any) -> None:
        """Draw a step. It happens if there is time."""
        allowed = self._kinds()
        drawn = data.draw(DRAWN[data.draw(some.sampled_from(list(DRAWN)).filter(allowed.__contains__))])
        if self._skipped:
            self._play.done.append(drawn)
        elif self.progress.may_go_on():
            self._add(drawn)

    def teardown(self) -> None:
        """Settle, so that every example ends with everything compared."""
        play, progress = self._play, self.progress
        try:
            if play.example is not None and play.found is None and progress.may_go_on():
                self._add(steps.Settle())
                progress.examples += progress.broken is None
        finally:
            play.end()

    def _kinds(self) -> list[str]:
        happened = Counter(step.kind for step in self._play.done)
        due = [kind for kind in DRAWN if not happened[kind]]
        if len(due) >= STEPS - len(self._play.done):
            return due
        return [kind for kind in DRAWN if happened[kind] < COSTLY.get(kind, STEPS)]

    def _add(self, step: steps.Step) -> None:
        try:
            self._play.add(step)
        except Differs:
            self.progress.found = self._play.found
            raise
        except (HarnessError, NotProven) as error:
            self.progress.broken = error
        else:
            self.progress.ran[step.kind] += 1


def machine(parts: Parts, progress: Progress) -> type[Steps]:
    """Return the state machine for running parts."""
    return type("Votes", (Steps,), {"parts": parts, "progress": progress})


def shortened(parts: Parts, found: Counterexample, may_go_on: Callable[[], bool]) -> Counterexample:
    """Leave out one step after the other for as long as an answer differs without it, and return the shortest counter-example.

    hypothesis would try several hundred times, and each time takes seconds.
    """
    place = 0
    while place < len(found.steps) - 1 and may_go_on():
        again = _played(parts, [*found.steps[:place], *found.steps[place + 1 :]])
        if again is None:
            place += 1
        else:
            found = again
    return found


def _played(parts: Parts, again: Sequence[steps.Step]) -> Counterexample | None:
    play = Play(parts, Compare())
    try:
        for step in again:
            play.add(step)
    except (Differs, HarnessError, NotProven):
        return play.found
    finally:
        play.end()
    return None
