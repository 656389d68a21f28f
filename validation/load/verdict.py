"""Check every limit of a load run, and derive the verdict."""

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from statistics import median_high

from msgspec import structs

from loadtests.records import NAMES
from loadtests.scenario import Scenario
from validation.core.errors import UsageError
from validation.load.result import Check, Latency, Reconciliation, Sample, Verdict

MISSED_SHARE = 0.01
"""If more of the schedule than this was never sent, the measured load is not the requested one."""
BUSY_CORES = 0.9
LATE_MS = 50.0
"""A generator whose own heartbeat is later than this measures itself."""
SATURATED_SHARE = 0.1
"""Share of saturated seconds that is tolerated, since a shared machine is noisy."""
SATURATED = "seconds in which the generator was saturated"
KEY_BYTES = 160
"""Memory that Redis needs for each Idempotency-Key until it expires. Over a million keys, 145 bytes each were measured."""
BEYOND = 10
"""Number of samples above a percentile that it takes to make the percentile meaningful."""
WRONG_VOTES = {
    "lost": "votes lost",
    "never_accepted": "votes counted but never accepted",
    "wrong_option": "votes counted for the wrong option",
    "count_difference": "difference between counts and ledger",
}
FATES = {"lost": ("lost", "late", "doubled"), "never_accepted": ("phantom",), "wrong_option": ("counted for another option",)}
"""What the hops of these votes begin with."""
PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
LIMITS = {"p50": "ms", "p95": "ms", "p99": "ms", "failures": "", "rate": "per second"}
WHOLE = {"count_p95": "ms", "growth_mib": "MiB", "reads": "per second"}


def require_known(scenario: Scenario) -> None:
    """Refuse a budget that nothing would ever be checked against.

    Raises:
        UsageError: the budget is for an unknown request name or limit.
    """
    for name, limits in scenario.budgets.items():
        if name not in NAMES:
            raise UsageError(f"Scenario {scenario.name} has a budget for the unknown request {name!r}. Valid names: {', '.join(NAMES)}.")
        _require_known_limits(scenario, limits, LIMITS)
    _require_known_limits(scenario, scenario.whole, WHOLE)


def _require_known_limits(scenario: Scenario, limits: Iterable[str], known: Iterable[str]) -> None:
    if unknown := sorted(set(limits) - set(known)):
        raise UsageError(f"Scenario {scenario.name} has the unknown limit {unknown[0]!r}. Valid names: {', '.join(known)}.")


def budgets(scenario: Scenario, latencies: Sequence[Latency], *, interrupted: bool = False) -> Iterator[Check]:
    """Check the measurements of each request name against its limits. An interrupted schedule proves nothing about the rate."""
    for name, limits in scenario.budgets.items():
        found = next((latency for latency in latencies if latency.name == name), None)
        for limit, limit_value in limits.items():
            what = f"{name}, {limit}"
            if found is None:
                yield Check(what, f"{limit_value:g}", "nothing", None, "no such request was observed after the warm-up")
                continue
            seen = found.failures / found.count if limit == "failures" else float(getattr(found, limit))
            shown = f"{found.failures} of {found.count}" if limit == "failures" else f"{seen:.4g} {LIMITS[limit]}"
            needed = math.ceil(BEYOND / (1 - PERCENTILES[limit])) if limit in PERCENTILES else 1
            sign, held = ("at least", seen >= limit_value) if limit == "rate" else ("at most", seen <= limit_value)
            shown_limit = f"{sign} {limit_value:g} {LIMITS[limit]}".rstrip()
            if found.count < needed:
                yield Check(what, shown_limit, shown, None, f"{found.count} samples, and {needed} are needed")
            elif interrupted and limit == "rate":
                yield Check(what, shown_limit, shown, None, "the schedule was interrupted")
            else:
                yield Check(what, shown_limit, shown, held, timed=limit != "failures")


def reconciled(
    scenario: Scenario, reconciliation: Reconciliation | None, why_not: str, resent: int, *, drained: bool | None
) -> Iterator[Check]:
    """Check the reconciliation against the promise: every accepted vote is counted once, and nothing else is.

    Args:
        scenario: the scenario, with the limits of the run.
        reconciliation: None if there is none.
        why_not: why there is none.
        resent: number of unanswered votes that got a 201 when they were sent again.
        drained: whether the stream was drained at the end; None if it could not be read.
    """
    if reconciliation is None or not reconciliation.accepted:
        yield _reconciled("every vote by its id", "accepted = counted", "nothing", None, why_not or "no vote was accepted")
        return
    unknown = reconciliation.unanswered - resent
    for what, title in WRONG_VOTES.items():
        seen = getattr(reconciliation, what)
        maybe = what == "never_accepted" and 0 < seen <= unknown  # it may be one of the unanswered votes
        why = "at least as many votes were never answered" if maybe else ""
        hops = [f"{number} {hop}" for hop, number in reconciliation.hops.items() if hop.startswith(FATES.get(what, ()))]
        told = ": ".join([f"{seen} of {reconciliation.accepted}", *filter(None, ["; ".join(hops)])])
        yield _reconciled(title, "0", told, None if maybe else seen == 0, why)
    shown, why = f"{resent} of {reconciliation.unanswered}", "the API does not answer" if unknown else ""
    yield _reconciled("unanswered votes that were answered when sent again", "all", shown, None if unknown else True, why)
    seen_queue = "nothing" if drained is None else "drained" if drained else "not drained"
    yield _reconciled("stream at the end", "drained", seen_queue, drained, "the stream could not be read" if drained is None else "")
    if (limit := scenario.whole.get("count_p95")) is not None:
        seen = reconciliation.count_p95 if reconciliation.count_histogram else None
        held = None if seen is None else seen <= limit
        why = "no scheduled vote after the warm-up was counted" if seen is None else ""
        shown = "nothing" if seen is None else f"{seen:.4g} ms"
        yield Check("time from response to count, p95", f"at most {limit:g} ms", shown, held, why, timed=True)


def growth(scenario: Scenario, samples: Sequence[Sample], keys: int) -> Iterator[Check]:
    """Check how much the memory of each part grew from the first to the last tenth of the samples.

    PostgreSQL is left out: it fills a cache that its processes share. Redis may need `KEY_BYTES` more for each key.

    Args:
        scenario: the scenario, with the limit if it has one.
        samples: the samples of all parts.
        keys: number of Idempotency-Keys that Redis has to remember.
    """
    limit = scenario.whole.get("growth_mib")
    if limit is None:
        return
    steady = [sample for sample in samples if sample.at >= scenario.warm_up]
    tenth = max(1, len(steady) // 10)
    parts = sorted({name for sample in steady for name in sample.memory} - {"postgres"})
    for part in parts:
        first, last = (
            median_high([s.memory[part] for s in some if part in s.memory] or [math.nan]) for some in (steady[:tenth], steady[-tenth:])
        )
        allowed, grown = limit + (keys * KEY_BYTES / 2**20 if part == "redis" else 0), last - first
        shown_limit = f"grows by at most {allowed:.0f} MiB" + (f", with {keys} keys to remember" if part == "redis" else "")
        if math.isnan(grown):
            yield Check(f"memory of {part}", shown_limit, "not always seen", None, "the process was not always running")
        else:
            yield Check(f"memory of {part}", shown_limit, f"{first:.0f} to {last:.0f} MiB", grown <= allowed)
    if not parts:
        yield Check("memory of the parts", f"grows by at most {limit:g} MiB", "nothing", None, "no part could be sampled")


def reads(scenario: Scenario, seen: float | None) -> Iterator[Check]:
    """Check how often per second the counts were read from the database. The API caches them, however many clients watch."""
    limit = scenario.whole.get("reads")
    if limit is not None:
        shown, why = ("nothing", "no --database-url was given") if seen is None else (f"{seen:.2f} per second", "")
        yield Check("reads of the counts", f"at most {limit:g} per second", shown, None if seen is None else seen <= limit, why)


def generator(planned: int, sent: int, seconds: Sequence[tuple[float, float]]) -> Iterator[Check]:
    """Check that the generator produced the requested load and was not saturated itself.

    Args:
        planned: number of requests in the schedule.
        sent: number of requests sent.
        seconds: for each second of each process: cores used, and ms by which its heartbeat was late.
    """
    missed = max(0, planned - sent)
    kept = planned > 0 and missed <= MISSED_SHARE * planned
    yield _of_generator(
        "scheduled requests that were not sent",
        MISSED_SHARE,
        f"{missed} of {planned}",
        kept,
        "the measured load is not the requested one",
    )
    full = sum(cpu >= BUSY_CORES or late > LATE_MS for cpu, late in seconds)
    free = bool(seconds) and full <= SATURATED_SHARE * len(seconds)
    yield _of_generator(
        SATURATED, SATURATED_SHARE, f"{full} of {len(seconds)}", free, "the generator measured itself: add --processes or lower the rate"
    )


def excused(checks: Iterable[Check], samples: Sequence[Sample]) -> list[Check]:
    """Return the checks, with each broken limit of time as not proven if others saturated this machine.

    More than a tenth of the samples must show it, as for the generator. A lost vote, a failed request or memory is never excused.
    """
    known = [sample.host for sample in samples if sample.host]
    full = sum(one.saturated_by_others for one in known)
    if not known or full <= SATURATED_SHARE * len(known):
        return list(checks)
    reason = f"others saturated this machine in {full} of {len(known)} samples"
    return [structs.replace(one, held=None, reason=reason) if one.timed and one.held is False else one for one in checks]


def verdict(checks: Sequence[Check], reductions: Collection[str] = ()) -> Verdict:
    """Return the verdict. With a saturated generator the budgets prove nothing, but the reconciliation still does.

    Args:
        checks: every limit.
        reductions: what was left out of the scenario; with any, the run cannot be PASSED.
    """
    saturated = any(check.what == SATURATED and check.held is None for check in checks)
    broken = [check for check in checks if check.held is False]
    if any(check.kind == "reconciliation" or not saturated for check in broken):
        return "NO-GO"
    if broken or not checks or any(check.held is None for check in checks):
        return "INCOMPLETE"
    return "PARTIAL" if reductions else "PASSED"


def _reconciled(what: str, limit: str, seen: str, held: bool | None, reason: str = "") -> Check:
    return Check(what, limit, seen, held, reason, kind="reconciliation")


def _of_generator(what: str, limit: float, seen: str, held: bool, why_not: str) -> Check:
    return Check(what, f"at most {limit * 100:.0f} %", seen, True if held else None, "" if held else why_not, kind="generator")
