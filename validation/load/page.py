"""The page of a load run: one file for people, without network or script. The charts are SVG, drawn by the template from geometry."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from validation import report
from validation.load import charts, words
from validation.load.result import LoadResult
from validation.report.html import TEXT_MAX
from validation.report.wording import duration, visible

_FOLDERS = (Path(__file__).parent, Path(report.__path__[0]))


def render(result: LoadResult, links: Mapping[str, str]) -> str:
    """Write a load run as one HTML page.

    Args:
        result: what was found.
        links: what else there is: name and file, relative to the page.
    """
    return _template().render(
        result=result,
        links=links,
        began=_moment(result.started),
        checks=words.worst_first(result.checks),
        over_time=charts.over_time(result),
        distributions=charts.distributions(result),
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_FOLDERS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_unmask,
    )
    environment.filters |= {"duration": duration, "number": words.number, "word": words.word, "margin": words.margin}
    environment.globals |= {"headline": words.headline, "schedule": words.schedule, "nothing": words.NOTHING}
    return environment.get_template("load.html.j2")


def _unmask(value: Any) -> Any:
    """Make every text of the page visible and bounded, so that no place in the template can forget to."""
    return visible(value, TEXT_MAX) if isinstance(value, str) and not isinstance(value, Markup) else value


def _moment(started: str) -> str:
    """Write when a run began, in UTC; what is not a time stays as it is."""
    try:
        return f"{datetime.fromisoformat(started).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    except ValueError:
        return started
