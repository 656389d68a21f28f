"""Steps about the model beside the system (validation/model)."""

from collections.abc import Callable

from pytest_bdd import given, parsers, then, when

from features.support.model import ModelRuns
from validation.core.errors import NotProven
from validation.core.settings import RunSettings
from validation.model.run import ANSWERS, KINDS, RELEASE_SEED, Outcome
from validation.record.observe import Observe

SEEDS: dict[str, Callable[[RunSettings], int]] = {
    "the seed of the release": lambda _: RELEASE_SEED,
    "the seed of this run": lambda settings: settings.seed,
}


@given("two APIs, two consumers and a second group, with a stream and a database of their own")
def parts_of_their_own(model_runs: ModelRuns) -> None:
    model_runs.start()


@when(parsers.re(r"steps drawn from (?P<seed>the seed of .+) happen to them"), target_fixture="outcome")
def steps_happen(seed: str, model_runs: ModelRuns, settings: RunSettings, measure: Callable[[str, float, str], None]) -> Outcome:
    number = SEEDS[seed](settings)
    measure(f"B24, {seed}", number, "")
    outcome = model_runs.run(number)
    measure(f"B24, examples from {seed}", outcome.examples, "")
    return outcome


@then("every answer is what the model says")
def every_answer_agrees(outcome: Outcome, observe: Observe) -> None:
    if outcome.found is not None:
        differs, number = outcome.found.differs, len(outcome.found.steps)
        steps = "\n".join(f"{place}. {step}" for place, step in enumerate(outcome.found.steps, 1))
        again = f"votecheck run --checkpoint B24 --seed {outcome.seed}"
        observe(f"{differs.subject}, after {number} steps from seed {outcome.seed}", expected=differs.expected, observed=differs.observed,
                holds=False, given=steps, evidence=f"{steps}\n\n{differs.evidence}", remedy=f"repeat the steps: {again}")  # fmt: skip
    compared = sum(outcome.compared.values())
    observe("comparisons with the model", expected="more than 100", observed=compared, holds=compared > 100)  # noqa: PLR2004 - a step makes many


@then("each kind of step happened, and each kind of answer was compared")
def each_kind_happened(outcome: Outcome, observe: Observe) -> None:
    missing = [kind for kind in KINDS if not outcome.steps[kind]] + [kind for kind in ANSWERS if not outcome.compared.get(kind)]
    if missing:
        raise NotProven(f"In {outcome.seconds:.0f} s there was no time for: {', '.join(missing)}. Try: votecheck run --checkpoint B24")
    with observe.together():
        observe("examples that ran to their end", expected="at least 1", observed=outcome.examples, holds=outcome.examples > 0)
        for kind in KINDS:
            observe(f"steps: {kind}", expected="at least 1", observed=outcome.steps[kind], holds=outcome.steps[kind] > 0)
        for kind in ANSWERS:
            observe(f"compared: {kind}", expected="at least 1", observed=outcome.compared[kind], holds=outcome.compared[kind] > 0)
