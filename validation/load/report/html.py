"""Render a load run as one HTML page, without network access or scripts. The template draws the charts as SVG."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from jinja2 import Template

from validation.load.report import charts, text
from validation.load.result import LoadResult
from validation.report.html import pages
from validation.report.text import duration


def render(result: LoadResult, links: Mapping[str, str]) -> str:
    """Return a load run as one HTML page.

    Args:
        result: the load run.
        links: other files: name and path, relative to the page.
    """
    return _template().render(
        result=result,
        links=links,
        began=_moment(result.started),
        checks=text.worst_first(result.checks),
        over_time=charts.over_time(result),
        distributions=charts.distributions(result),
    )


@cache
def _template() -> Template:
    environment = pages(Path(__file__).parent)
    environment.filters |= {"duration": duration, "number": text.number, "word": text.word, "margin": text.margin}
    environment.globals |= {"headline": text.headline, "schedule": text.schedule, "machine": text.machine, "nothing": text.NOTHING}
    return environment.get_template("load.html.j2")


def _moment(started: str) -> str:
    """Format the start of a run in UTC. Text that is not a time is returned unchanged."""
    try:
        return f"{datetime.fromisoformat(started).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    except ValueError:
        return started
