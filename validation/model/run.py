"""Runs the model beside the system: examples from a seed, for a bounded time."""

import contextlib
import io
import time
from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, Verbosity, configuration, seed, settings
from hypothesis.errors import HypothesisException
from hypothesis.stateful import run_state_machine_as_test

from validation.model.comparing import Compare, Differs
from validation.model.machine import DRAWN, STEPS, Counterexample, Progress, machine, shortened
from validation.model.parts import Parts

SHORTEN_SECONDS = 30.0
"""Time to look for a shorter counter-example. Each attempt runs on the real system, from its start."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of the model has seen.

    Attributes:
        seed: the seed of its steps.
        examples: examples that ran to their end.
        steps: steps that ran to their end, by kind, in the order of `KINDS`.
        compared: comparisons by kind of answer.
        found: the shortest counter-example; None if every answer was right.
    """

    seed: int
    examples: int
    steps: Mapping[str, int]
    compared: Mapping[str, int]
    found: Counterexample | None
    seconds: float


KINDS = tuple(DRAWN)
"""The kinds of steps."""
ANSWERS = (
    "answers", "answers to votes", "headers", "results", "event stream", "degraded answers", "counted votes", "entries", "dead letters",
    "delivery", "metrics", "log", "processes", "restarts",
)  # fmt: skip
"""The kinds of answers that are compared."""
RELEASE_SEED = 24
"""The seed of the steps that are the same in every run."""


def run(parts: Parts, number: int, *, examples: int, within: float) -> Outcome:
    """Run examples until all are done or the time is over, or an answer differs.

    Args:
        parts: the running system.
        number: the seed.
        examples: how many examples.
        within: seconds; a step that has begun is finished, and no other begins.

    Raises:
        HarnessError: the harness could not look.
        NotProven: likewise.
    """
    begun = time.monotonic()
    progress = Progress(Compare(), lambda: not progress.found and not progress.broken and time.monotonic() < begun + within)
    configuration.set_hypothesis_home_dir(parts.folder)
    chosen = settings(
        max_examples=examples + 1,  # the first is skipped
        stateful_step_count=STEPS, deadline=None, database=None, derandomize=False, report_multiple_bugs=False, phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck), verbosity=Verbosity.quiet, print_blob=False,
    )  # fmt: skip
    drawn = seed(number)(machine(parts, progress))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Differs, HypothesisException):
        run_state_machine_as_test(drawn, settings=chosen)
    if progress.broken is not None:
        raise progress.broken
    found, since = progress.found, time.monotonic()
    if found is not None:
        found = shortened(parts, found, lambda: time.monotonic() < since + SHORTEN_SECONDS)
    ran = {kind: progress.ran[kind] for kind in KINDS}
    return Outcome(number, progress.examples, ran, dict(progress.compare.made), found, time.monotonic() - begun)
