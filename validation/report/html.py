"""`index.html`: one self-contained page without scripts. Jinja2 escapes every text, and `visible` shows hidden characters."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from validation.record.events import Measured, Observed
from validation.record.evidence import path_of
from validation.record.results import Verdict
from validation.record.scenario import Scenario
from validation.record.verdicts import Run
from validation.registry.checkpoints import registry
from validation.report import claims, crash_table, evidence, findings, model, since, subject, timeline
from validation.report.text import counted, duration, percent, visible

TEXT_MAX = 4000
FINDINGS_MAX = 5
"""Findings that a blocker shows; the evidence below has all of them."""
OBSERVATIONS_MAX = 200
_SLOWEST = 12


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart; start and length in percent of the whole."""

    label: str
    start: float
    length: float
    value: str


def render(run: Run) -> str:
    """Return a run as one HTML page."""
    return _template().render(
        run=run,
        blockers=model.with_verdict(run, Verdict.FAILED),
        unproven=model.unproven(run),
        waived=model.with_verdict(run, Verdict.WAIVED),
        phases=model.by_phase(run),
        checkable_elsewhere=model.checkable_elsewhere(run),
        registered=len(registry()),
        shares=_shares(run),
        slowest=_slowest(run),
        timeline=timeline.of_run(run),
        claims=claims.of_run(run),
        validated=list(subject.facts(run)),
        since=since.facts(run),
        since_title=since.TITLE,
        since_none=since.NONE,
    )


def pages(*folders: Path) -> Environment:
    """Return a template environment that escapes every text, with the templates of some folders and of this one."""
    return Environment(
        loader=FileSystemLoader((*folders, Path(__file__).parent)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_safe,
    )


@cache
def _template() -> Template:
    environment = pages()
    environment.filters |= {"duration": duration, "number": _number, "slug": slug}
    environment.globals |= {
        "headline": model.headline,
        "self_tested": model.self_tested,
        "proofs_of": model.proofs_of,
        "moment": model.moment,
        "reproduce": model.reproduce,
        "repeat": model.repeat,
        "verify_command": model.verify_command,
        "missing_variables": model.missing_variables,
        "merged_from": model.merged_from,
        "grouped": findings.grouped,
        "shown": _shown,
        "counted": counted,
        "crashes": crash_table.crashes_of,
        "is_crash": crash_table.is_crash,
        "findings_max": FINDINGS_MAX,
        "path_of": path_of,
        "moment_of": evidence.moment_of,
        "limits": evidence.limits,
        "tally": claims.tally,
        "standings": tuple(claims.Standing),
    }
    return environment.get_template("page.html.j2")


def _safe(value: Any) -> Any:
    """Escape and shorten every text that the template inserts, so that no place can forget to."""
    return visible(value, TEXT_MAX) if isinstance(value, str) and not isinstance(value, Markup) else value


def slug(text: str) -> str:
    """Return a text as the name of a CSS class."""
    return str(text).lower().replace(" ", "-").replace(".", "-")


def _number(measured: Measured) -> str:
    return f"{measured.value:,.2f}".rstrip("0").rstrip(".").replace(",", " ")


def _shown(scenario: Scenario) -> list[Observed]:
    """Return the observations that the page lists for a scenario: the first ones, and every wrong one."""
    return [o for n, o in enumerate(scenario.observations) if n < OBSERVATIONS_MAX or not o.ok][: 2 * OBSERVATIONS_MAX]


def _shares(run: Run) -> list[Bar]:
    counts = [(verdict, run.count(verdict)) for verdict in Verdict]
    bars, start = [], 0.0
    for verdict, count in counts:
        length = percent(count, len(run.results))
        bars.append(Bar(verdict, start, length, str(count)))
        start += length
    return bars


def _slowest(run: Run) -> list[Bar]:
    timed = sorted((j for j in run.results if j.seconds), key=lambda j: -j.seconds)[:_SLOWEST]
    return [Bar(f"{j.checkpoint.id} {j.checkpoint.title}", 0.0, percent(j.seconds, timed[0].seconds), duration(j.seconds)) for j in timed]
