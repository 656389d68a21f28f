"""Every limit is held, all breaches are told, and what was not observed is never green."""

import pytest
from msgspec import structs

from loadtests.scenario import Scenario, parse_scenario
from validation.core.errors import UsageError
from validation.load import verdict
from validation.load.result import Check, Latency, Reconciliation, Sample
from validation.probes.running.host import Use

RECONCILED = Reconciliation(1000, 0, 0, 0, 0, 0, [], 1.0, 2.0, 3.0, [(1.0, 1000)])
VOTES = Latency("vote", 2000, 0, 200.0, 2.0, 6.0, 12.0, 20.0, 30.0, 1.0, 5.0, 9.0, 15.0, 25.0, [(10.0, 2000)])
TOLD = {"title": "T", "users": {"Voter": 1.0}, "steps": [[1, 10], [5, 10]]}


def a_scenario(budgets: dict[str, dict[str, float]] | None = None, **more: object) -> Scenario:
    return parse_scenario("one", TOLD | {"budgets": budgets or {}} | more)


@pytest.mark.parametrize(
    ("limits", "held"),
    [({"p50": 2}, True), ({"p50": 1.9}, False), ({"rate": 200}, True), ({"rate": 201}, False), ({"failures": 0}, True)],
)
def test_a_budget_holds_up_to_its_limit(limits: dict[str, float], held: bool) -> None:
    (check,) = verdict.budgets(a_scenario({"vote": limits}), [VOTES])
    assert check.held is held


def test_one_failure_breaks_a_budget_of_zero() -> None:
    (check,) = verdict.budgets(a_scenario({"vote": {"failures": 0}}), [structs.replace(VOTES, failures=1)])
    assert (check.held, check.seen) == (False, "1 of 2000")


def test_every_breach_is_reported() -> None:
    checks = verdict.budgets(a_scenario({"vote": {"p50": 1, "p95": 1, "p99": 1}}), [VOTES])
    assert [check.held for check in checks] == [False, False, False]


@pytest.mark.parametrize(("limit", "needed"), [("p50", 20), ("p95", 200), ("p99", 1000)])
def test_a_percentile_of_too_few_samples_is_not_proven(limit: str, needed: int) -> None:
    few, enough = (structs.replace(VOTES, count=count) for count in (needed - 1, needed))
    assert [check.held for some in (few, enough) for check in verdict.budgets(a_scenario({"vote": {limit: 100}}), [some])] == [None, True]


def test_a_request_that_was_never_sent_is_not_proven() -> None:
    (check,) = verdict.budgets(a_scenario({"results": {"p50": 1}}), [VOTES])
    assert check.held is None


@pytest.mark.parametrize(("budgets", "whole"), [({"vots": {"p50": 1}}, {}), ({"vote": {"p51": 1}}, {}), ({}, {"count_p96": 1})])
def test_an_unknown_budget_is_refused(budgets: dict[str, dict[str, float]], whole: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=r"Valid names: "):
        verdict.require_known(a_scenario(budgets, whole=whole))


@pytest.mark.parametrize("what", ["lost", "never_accepted", "wrong_option", "count_difference"])
def test_one_wrong_vote_is_no_go(what: str) -> None:
    checks = list(verdict.reconciled(a_scenario(), structs.replace(RECONCILED, **{what: 1}), "", 0, drained=True))
    assert [check.what for check in checks if check.held is False] == [verdict.WRONG_VOTES[what]]
    assert verdict.verdict(checks) == "NO-GO"


def test_a_vote_that_may_be_an_unanswered_one_is_not_proven() -> None:
    checks = list(verdict.reconciled(a_scenario(), structs.replace(RECONCILED, never_accepted=1, unanswered=3), "", 2, drained=True))
    assert [check.held for check in checks if check.what == "votes counted but never accepted"] == [None]
    assert verdict.verdict(checks) == "INCOMPLETE"


@pytest.mark.parametrize("reconciliation", [None, structs.replace(RECONCILED, accepted=0)])
def test_a_missing_or_empty_reconciliation_proves_nothing(reconciliation: Reconciliation | None) -> None:
    (check,) = verdict.reconciled(a_scenario(whole={"count_p95": 500}), reconciliation, "", 0, drained=True)
    assert check.held is None


def test_without_votes_the_count_time_is_not_proven() -> None:
    reconciliation = structs.replace(RECONCILED, count_p95=0.0, count_histogram=[])
    checks = verdict.reconciled(a_scenario(whole={"count_p95": 500}), reconciliation, "", 0, drained=True)
    assert [check.held for check in checks if check.what.startswith("time from response")] == [None]


def test_a_queue_that_is_not_drained_is_no_go() -> None:
    assert verdict.verdict(list(verdict.reconciled(a_scenario(), RECONCILED, "", 0, drained=False))) == "NO-GO"


def test_an_unreadable_stream_is_not_proven() -> None:
    assert verdict.verdict(list(verdict.reconciled(a_scenario(), RECONCILED, "", 0, drained=None))) == "INCOMPLETE"


def samples(memory: list[float]) -> list[Sample]:
    return [Sample(1.0 + number, 0, 0, 0.0, {}, {"api": mib}) for number, mib in enumerate(memory)]


@pytest.mark.parametrize(("memory", "held"), [([50.0] * 20, True), ([50.0 + 3 * n for n in range(20)], False)])
def test_growing_memory_breaks_its_limit(memory: list[float], held: bool) -> None:
    (check,) = verdict.growth(a_scenario(whole={"growth_mib": 32}), samples(memory), keys=0)
    assert check.held is held


@pytest.mark.parametrize(("keys", "held"), [(0, False), (1_000_000, True)])
def test_redis_may_grow_by_the_keys_that_it_remembers(keys: int, held: bool) -> None:
    grown = [Sample(1.0 + number, 0, 0, 0.0, {}, {"redis": 20.0 + 7 * number, "postgres": 90.0 + 50 * number}) for number in range(20)]
    (check,) = verdict.growth(a_scenario(whole={"growth_mib": 32}), grown, keys)
    assert check.held is held


@pytest.mark.parametrize("seen", [{}, {"postgres": 90.0}], ids=["no part", "only a part that is left out"])
def test_samples_without_the_memory_of_a_part_are_not_proven(seen: dict[str, float]) -> None:
    unseen = [Sample(1.0 + number, 0, 0, 0.0, {}, seen) for number in range(20)]
    (check,) = verdict.growth(a_scenario(whole={"growth_mib": 32}), unseen, keys=0)
    assert check.held is None


def test_memory_without_samples_is_not_proven() -> None:
    (check,) = verdict.growth(a_scenario(whole={"growth_mib": 32}), [], keys=0)
    assert check.held is None


@pytest.mark.parametrize(
    ("planned", "sent", "seconds", "word"),
    [
        (1000, 1000, [(0.5, 1.0)] * 10, "PASSED"),
        (1000, 990, [(0.5, 1.0)] * 10, "PASSED"),
        (1000, 989, [(0.5, 1.0)] * 10, "INCOMPLETE"),
        (0, 0, [(0.5, 1.0)] * 10, "INCOMPLETE"),
        (1000, 1000, [], "INCOMPLETE"),
        (1000, 1000, [(0.95, 1.0)] * 2 + [(0.5, 1.0)] * 8, "INCOMPLETE"),
        (1000, 1000, [(0.5, 80.0)] * 2 + [(0.5, 1.0)] * 8, "INCOMPLETE"),
    ],
    ids=["kept", "just kept", "missed", "zero requests", "nothing noted", "no processor time left", "late itself"],
)
def test_a_load_other_than_requested_proves_nothing(planned: int, sent: int, seconds: list[tuple[float, float]], word: str) -> None:
    assert verdict.verdict(list(verdict.generator(planned, sent, seconds))) == word


def test_a_saturated_generator_excuses_slowness_but_not_lost_votes() -> None:
    saturated = list(verdict.generator(1000, 1000, [(1.0, 1.0)]))
    slow, lost = Check("vote, p50", "1", "2", held=False), Check("votes lost", "0", "1", held=False, kind="reconciliation")
    assert verdict.verdict([slow, *saturated]) == "INCOMPLETE"
    assert verdict.verdict([lost, *saturated]) == "NO-GO"


def test_a_run_without_checks_is_incomplete() -> None:
    assert verdict.verdict([]) == "INCOMPLETE"


def test_reads_of_the_counts_are_limited() -> None:
    scenario = a_scenario(whole={"reads": 2})
    assert [check.held for seen in (2.0, 2.1, None) for check in verdict.reads(scenario, seen)] == [True, False, None]


def test_an_interrupted_schedule_proves_nothing_about_the_rate() -> None:
    rate, p95 = verdict.budgets(a_scenario({"vote": {"rate": 1_000_000, "p95": 20}}), [VOTES], interrupted=True)
    assert (rate.held, p95.held) == (None, True)


def test_a_run_that_held_everything_under_less_load_is_partial() -> None:
    held = Check("vote, p50", "1", "1", held=True)
    assert verdict.verdict([held]) == "PASSED"
    assert verdict.verdict([held], ["Shorter: 3 s instead of 30 s."]) == "PARTIAL"
    assert verdict.verdict([Check("vote, p50", "1", "2", held=False)], ["Shorter: 3 s instead of 30 s."]) == "NO-GO"
    assert verdict.verdict([Check("vote, p50", "1", "2", held=None)], ["Shorter: 3 s instead of 30 s."]) == "INCOMPLETE"


BY_OTHERS = Use(0.5, 1.0, 0.2, 0.0, {}, 5.0)
BY_ITSELF = Use(0.5, 1.0, 0.9, 0.0, {}, 5.0)
UNKNOWN = Use(0.5, 1.0, None, 0.0, {}, 5.0)


@pytest.mark.parametrize(
    ("uses", "excuses"),
    [
        ([BY_OTHERS] * 2 + [BY_ITSELF] * 8, True),
        ([BY_OTHERS] + [BY_ITSELF] * 9, False),
        ([BY_ITSELF] * 10, False),
        ([UNKNOWN] * 10, False),
        ([], False),
    ],
)
def test_a_late_answer_is_not_proven_if_others_saturated_the_machine_and_nothing_else_is(uses: list[Use], *, excuses: bool) -> None:
    samples = [Sample(float(at), 0, 0, 0.0, {}, {}, use) for at, use in enumerate(uses)]
    late = Check("vote, p99", "at most 50 ms", "80 ms", False, timed=True)
    kept = Check("vote, p50", "at most 50 ms", "8 ms", True, timed=True)
    refused = Check("vote, failures", "at most 0", "3 of 100", False)
    lost = Check("votes lost", "0", "1 of 100", False, kind="reconciliation")
    checked = verdict.excused([late, kept, refused, lost], samples)
    assert [one.held for one in checked] == [None if excuses else False, True, False, False]
    assert ("others saturated this machine in 2 of 10 samples" in checked[0].reason) is excuses
    assert verdict.verdict(checked) == "NO-GO"
    assert verdict.verdict(verdict.excused([late, kept], samples)) == ("INCOMPLETE" if excuses else "NO-GO")
