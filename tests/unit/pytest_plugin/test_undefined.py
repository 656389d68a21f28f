"""What to paste for a step without a definition: it defines the step, and proves nothing until it is filled in."""

import pytest
from pytest_bdd.parser import Step

from tests.unit.pytest_plugin.conftest import RunFeature, not_proven
from validation.pytest_plugin import undefined

STEPS = [
    ("then", "the stream holds exactly that vote", "def the_stream_holds_exactly_that_vote(observe: Observe)"),
    ("when", 'a voter votes for "dogs"', "def a_voter_votes_for_dogs(word1: str)"),
    ("when", 'a voter votes 3 times for "cats"', "def a_voter_votes_3_times_for_cats(word1: str, number2: int)"),
    ("given", 'a client posts {"option": "cats"} to /api/vote', "def a_client_posts_option_cats_to_api_vote()"),
    ("then", 'it\'s "quoted" \\ and ends in 5.5 s', "def it_s_quoted_and_ends_in_5_5_s(word1: str, observe: Observe)"),
    ("given", "42 votes", "def step_42_votes(number1: int)"),
    ("then", "…", "def step_(observe: Observe)"),
]


@pytest.mark.parametrize(("kind", "text", "head"), STEPS, ids=[text for _, text, _ in STEPS])
def test_a_pasted_snippet_defines_its_step_and_proves_nothing(run_feature: RunFeature, kind: str, text: str, head: str) -> None:
    pasted = undefined.snippet(Step(text, kind, 4, 7, kind.capitalize()))
    assert head in pasted
    not_proven(run_feature(f"Scenario: S\n  {kind.capitalize()} {text}\n  Then it is right", pasted), "This step is not written yet.")


def test_a_step_without_a_definition_says_where_it_is_and_what_to_paste(run_feature: RunFeature) -> None:
    ended = run_feature("Scenario: S\n  Then it is right\n  And nobody wrote this step")
    reason = ended.checkpoint.scenarios[0].reason
    assert reason.startswith('The step "nobody wrote this step" has no definition (features/a.feature:8). Paste this into a module of ')
    assert '@then("nobody wrote this step")\ndef nobody_wrote_this_step(observe: Observe) -> None:' in reason
