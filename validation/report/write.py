"""Writes every report of a run next to its record."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

from validation.core.commands import command
from validation.core.errors import HarnessError
from validation.core.files import write_whole
from validation.record.verdicts import Run, with_harness_errors
from validation.report import html, markdown, results_json
from validation.report.across import index
from validation.report.formats import ctrf, junit, sarif
from validation.report.model import load

LATEST = "latest"
RENDERERS: MappingProxyType[str, Callable[[Run], str]] = MappingProxyType(
    {
        "index.html": html.render,
        "junit.xml": junit.render,
        "ctrf.json": ctrf.render,
        "results.sarif": sarif.render,
        results_json.RESULTS: results_json.render,
        "summary.md": markdown.render,
    }
)


def write_all(folder: Path) -> Run:
    """Return the run recorded in a folder, after writing its reports there, the link `latest` to the newest run and the list of runs.

    A report that cannot be written is a harness error of the returned run: its verdict is then NO-GO or INCOMPLETE.

    Raises:
        UsageError: the record is missing or was changed.
        HarnessError: a report does not match its schema, or `latest` is not a link.
    """
    run = load(folder)
    problems = []
    for name, render in RENDERERS.items():
        try:
            write_whole(folder / name, render(run))
        except OSError as error:
            problems.append(f"{name} could not be written: {error}")
    try:
        _point_latest_to(folder)
        index.write(folder.parent)
    except OSError as error:
        problems.append(f"The link {LATEST} or the list of runs could not be written: {error}")
    return with_harness_errors(run, problems)


def _point_latest_to(folder: Path) -> None:
    latest = folder.parent / LATEST
    if latest.exists() and not latest.is_symlink():
        raise HarnessError(
            f"{latest} is not a link, so that it cannot point to the newest run.",
            "a folder was copied there by hand",
            command("mv", str(latest), f"{latest}.old"),
        )
    if latest.is_dir() and latest.resolve().name > folder.name:
        return  # an older run whose reports were written again is still not the latest
    fresh = latest.with_name(f".{LATEST}-{secrets.token_hex(4)}")
    fresh.symlink_to(folder.name, target_is_directory=True)
    os.replace(fresh, latest)  # noqa: PTH105 - replaces the link itself
