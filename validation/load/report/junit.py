"""`junit.xml` of a load run: one suite for each kind of limit, one case for each limit."""

from validation.load.report.text import headline, margin
from validation.load.result import Check, LoadResult
from validation.record.results import Verdict
from validation.report.formats import junit
from validation.report.formats.cases import DETAIL_MAX, MESSAGE_MAX, VOTECHECK, Case, Outcome, Suite
from validation.report.text import one_line, visible

KINDS = {"budget": "Budgets", "reconciliation": "Reconciliation", "generator": "Load generator"}


def render(result: LoadResult) -> str:
    """Return a load run as JUnit XML: failure = a limit is broken, skipped = it is not proven."""
    suites = [
        Suite(title, tuple(_case(result, title, check) for check in result.checks if check.kind == kind)) for kind, title in KINDS.items()
    ]
    case = Case(VOTECHECK, "the load run passed")
    if result.verdict != Verdict.PASSED:
        message = one_line(f"{result.verdict}: {headline(result)}", MESSAGE_MAX)
        case = Case(VOTECHECK, "the load run passed", Outcome.SKIPPED, result.verdict, message=message)
    verdict = Suite("Verdict", (case,), {one_line(name): one_line(value) for name, value in properties(result).items()})
    return junit.xml(f"votecheck load: {result.verdict}", result.started, [*(suite for suite in suites if suite.cases), verdict])


def properties(result: LoadResult) -> dict[str, str]:
    """Return what is known of a load run as flat names and values, such as `rate_per_second`."""
    return {
        "verdict": result.verdict,
        "run": result.run,
        "scenario": result.scenario,
        "title": result.title,
        "target": result.target,
        "seconds": f"{result.seconds:g}",
        "warm_up_seconds": f"{result.warm_up:g}",
        "planned_requests": str(result.planned),
        "missed_requests": str(result.missed),
        "highest_planned_per_second": f"{max((second.planned for second in result.timeline), default=0.0):.6g}",
        "rate_per_second": f"{sum(latency.rate for latency in result.latencies):.6g}",
        "generator_processes": str(result.processes),
        "reductions": " ".join(result.reductions),
        "repeat": result.command,
        **{f"machine.{name}": value for name, value in result.machine.items()},
        **{f"version.{name}": value for name, value in result.versions.items()},
    }


def _case(result: LoadResult, title: str, check: Check) -> Case:
    group, name = one_line(f"{result.scenario}: {title}"), one_line(check.what, 300)
    if check.held:
        return Case(group, name)
    outcome, word = (Outcome.SKIPPED, "NOT PROVEN") if check.held is None else (Outcome.FAILURE, "FAILED")
    message = f"{word}: limit {check.limit}, observed {check.seen}" + (f", {margin(check)}" if margin(check) else "")
    listed = result.reconciliation.listed if result.reconciliation and check.kind == "reconciliation" else []
    detail = "\n".join([line for line in (check.reason, *listed, f"Repeat: {result.command}") if line])
    return Case(group, name, outcome, word, 0.0, one_line(message, MESSAGE_MAX), visible(detail, DETAIL_MAX))
