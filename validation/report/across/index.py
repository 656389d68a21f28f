"""`reports/index.html`: the page that lists the runs of a folder, the newest first."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from urllib.parse import quote

from jinja2 import Template

from validation.core.files import write_whole
from validation.report import html
from validation.report.across.history import history
from validation.report.across.summaries import PACKED, Runs, Summary, read
from validation.report.text import counted, duration, percent

INDEX = "index.html"


def write(folder: Path) -> None:
    """Write the page of a folder of runs.

    Raises:
        OSError: it cannot be written.
    """
    write_whole(folder / INDEX, render(read(folder)))


def render(runs: Runs) -> str:
    """Return the page that lists some runs."""

    def link(run: Summary) -> str:
        place = runs.places[run.run]
        return quote(place) if place.endswith(PACKED) else f"{quote(place)}/index.html"

    return _template().render(history=history(runs.summaries), unreadable=runs.unreadable, link=link)


@cache
def _template() -> Template:
    environment = html.pages(Path(__file__).parent)
    environment.filters |= {"duration": duration, "slug": html.slug}
    environment.globals |= {"counted": counted, "percent": percent, "moment": moment}
    return environment.get_template("index.html.j2")


def moment(run: Summary) -> str:
    """Return the time a run started, in UTC, to the minute."""
    try:
        return f"{datetime.fromisoformat(run.started).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return "unknown"
