"""What a load run proves: each limit beside what was seen, all of them, and the word that follows."""

import math
from collections.abc import Iterable, Iterator, Sequence
from statistics import median_high

from loadtests.records import NAMES
from loadtests.scenario import Scenario
from validation.core.errors import UsageError
from validation.load.result import Books, Check, Latency, Sample, Verdict

MISSED_SHARE = 0.01
"""More of the schedule than this that was never sent: another load was measured than was asked for."""
BUSY_CORES = 0.9
LATE_MS = 50.0
"""A generator whose own heartbeat is later than this measures itself."""
SATURATED_SHARE = 0.1
"""Of the seconds of the run; below it a noisy machine is not to blame."""
SATURATED = "seconds in which the generator itself was the limit"
KEY_BYTES = 160
"""What Redis keeps for each Idempotency-Key until it is forgotten: 145 bytes of memory were measured over a million."""
BEYOND = 10
"""So many samples must be beyond a percentile before it says something."""
PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
LIMITS = {"p50": "ms", "p95": "ms", "p99": "ms", "failures": "", "rate": "a second"}
WHOLE = {"count_p95": "ms", "growth_mib": "MiB", "reads": "a second"}


def demand_known(scenario: Scenario) -> None:
    """Refuse a budget that nothing would ever be held against.

    Raises:
        UsageError: it is for a name or a limit that does not exist.
    """
    for name, limits in scenario.budgets.items():
        if name not in NAMES:
            raise UsageError(f"Scenario {scenario.name} has a budget for «{name}».", f"requests are named {', '.join(NAMES)}")
        _demand(scenario, limits, LIMITS)
    _demand(scenario, scenario.whole, WHOLE)


def _demand(scenario: Scenario, limits: Iterable[str], known: Iterable[str]) -> None:
    if unknown := sorted(set(limits) - set(known)):
        raise UsageError(f"Scenario {scenario.name} has a limit «{unknown[0]}».", f"there are {', '.join(known)}")


def budgets(scenario: Scenario, latencies: Sequence[Latency], *, interrupted: bool = False) -> Iterator[Check]:
    """Hold each request's figures against its limits; a schedule that was interrupted says nothing about the rate."""
    for name, limits in scenario.budgets.items():
        found = next((latency for latency in latencies if latency.name == name), None)
        for limit, wanted in limits.items():
            what = f"{name}, {limit}"
            if found is None:
                yield Check(what, f"{wanted:g}", "nothing", None, "no such request was observed behind the warm-up")
                continue
            seen = found.failures / found.count if limit == "failures" else float(getattr(found, limit))
            shown = f"{found.failures} of {found.count}" if limit == "failures" else f"{seen:.4g} {LIMITS[limit]}"
            needed = math.ceil(BEYOND / (1 - PERCENTILES[limit])) if limit in PERCENTILES else 1
            sign, held = ("at least", seen >= wanted) if limit == "rate" else ("at most", seen <= wanted)
            told = f"{sign} {wanted:g} {LIMITS[limit]}".rstrip()
            if found.count < needed:
                yield Check(what, told, shown, None, f"{found.count} samples; {needed} are needed")
            elif interrupted and limit == "rate":
                yield Check(what, told, shown, None, "the schedule was interrupted")
            else:
                yield Check(what, told, shown, held)


def reconciled(scenario: Scenario, books: Books | None, why_not: str, answered_again: int, *, drained: bool | None) -> Iterator[Check]:
    """Hold the books against what is promised: every accepted vote once, and nothing else.

    Args:
        scenario: with limits of the run.
        books: None: there are none.
        why_not: why there are none.
        answered_again: of the votes that nobody answered, those that were, when they were asked for again.
        drained: whether the queue was empty at the end; None: nobody could look.
    """
    if books is None or not books.accepted:
        yield _book("every vote by its id", "accepted = counted", "nothing", None, why_not or "no vote was accepted")
        return
    unknown = books.unknown - answered_again
    for what in ("lost", "phantom", "other", "uncounted"):
        seen = getattr(books, what)
        maybe = what == "phantom" and 0 < seen <= unknown  # one of those that were never answered, and so may count
        why = "as many votes were never answered" if maybe else ""
        yield _book(f"votes {what}", "0", f"{seen} of {books.accepted}", None if maybe else seen == 0, why)
    shown, why = f"{answered_again} of {books.unknown}", "the API does not answer" if unknown else ""
    yield _book("votes that nobody answered, answered when asked for again", "all", shown, None if unknown else True, why)
    seen_queue = "nothing" if drained is None else "drained" if drained else "not drained"
    yield _book("the queue at the end", "drained", seen_queue, drained, "the stream could not be read" if drained is None else "")
    if (limit := scenario.whole.get("count_p95")) is not None:
        seen = books.count_p95 if books.count_histogram else None
        held = None if seen is None else seen <= limit
        why = "no vote of the schedule behind the warm-up was counted" if seen is None else ""
        yield Check("from answer to count, p95", f"at most {limit:g} ms", "nothing" if seen is None else f"{seen:.4g} ms", held, why)


def growth(scenario: Scenario, samples: Sequence[Sample], keys: int) -> Iterator[Check]:
    """Hold what each part's memory grew by, from the first to the last tenth of what was measured, against the limit.

    PostgreSQL is left out: it fills its cache, and its processes share it. Redis may keep what `KEY_BYTES` says for each key besides.

    Args:
        scenario: with the limit, if any.
        samples: the parts.
        keys: of votes, that Redis has to remember.
    """
    limit = scenario.whole.get("growth_mib")
    if limit is None:
        return
    steady = [sample for sample in samples if sample.at >= scenario.warm_up]
    tenth = max(1, len(steady) // 10)
    for part in sorted({name for sample in steady for name in sample.memory} - {"postgres"}):
        first, last = (
            median_high([s.memory[part] for s in some if part in s.memory] or [math.nan]) for some in (steady[:tenth], steady[-tenth:])
        )
        allowed, grown = limit + (keys * KEY_BYTES / 2**20 if part == "redis" else 0), last - first
        told = f"grows by at most {allowed:.0f} MiB" + (f", with {keys} keys to remember" if part == "redis" else "")
        if math.isnan(grown):
            yield Check(f"memory of {part}", told, "not seen all the time", None, "its process was not there")
        else:
            yield Check(f"memory of {part}", told, f"{first:.0f} to {last:.0f} MiB", grown <= allowed)
    if not steady:
        yield Check("memory of the parts", f"grows by at most {limit:g} MiB", "nothing", None, "no part could be looked at")


def reads(scenario: Scenario, seen: float | None) -> Iterator[Check]:
    """Hold how often a second the database was asked for the counts against the limit: however many watch, they are kept for a while."""
    limit = scenario.whole.get("reads")
    if limit is not None:
        shown, why = ("nothing", "no --database-url was given") if seen is None else (f"{seen:.2f} a second", "")
        yield Check("reads of the counts", f"at most {limit:g} a second", shown, None if seen is None else seen <= limit, why)


def generator(planned: int, sent: int, seconds: Sequence[tuple[float, float]]) -> Iterator[Check]:
    """Ask whether the generator made the load that was asked for, and had time to measure it.

    Args:
        planned: requests of the schedule.
        sent: those that were sent.
        seconds: of each second of each process: cores used, and by how many ms its heartbeat was late.
    """
    missed = max(0, planned - sent)
    kept = planned > 0 and missed <= MISSED_SHARE * planned
    yield _of_generator(
        "requests of the schedule that were not sent",
        MISSED_SHARE,
        f"{missed} of {planned}",
        kept,
        "another load was measured than was asked for",
    )
    full = sum(cpu >= BUSY_CORES or late > LATE_MS for cpu, late in seconds)
    free = bool(seconds) and full <= SATURATED_SHARE * len(seconds)
    yield _of_generator(
        SATURATED, SATURATED_SHARE, f"{full} of {len(seconds)}", free, "it measured itself: spread it with --processes, or ask for less"
    )


def verdict(checks: Sequence[Check]) -> Verdict:
    """Give the word. How fast a saturated generator found the system says nothing; the books do, whoever voted."""
    saturated = any(check.what == SATURATED and check.held is None for check in checks)
    broken = [check for check in checks if check.held is False]
    if any(check.kind == "books" or not saturated for check in broken):
        return "NO-GO"
    return "INCOMPLETE" if broken or not checks or any(check.held is None for check in checks) else "GO"


def _book(what: str, limit: str, seen: str, held: bool | None, reason: str = "") -> Check:
    return Check(what, limit, seen, held, reason, kind="books")


def _of_generator(what: str, limit: float, seen: str, held: bool, why_not: str) -> Check:
    return Check(what, f"at most {limit:.0%}", seen, True if held else None, "" if held else why_not, kind="generator")
