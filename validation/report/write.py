"""Writes every report of a run next to its record."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

from validation.core.errors import HarnessError
from validation.record.verdicts import Run
from validation.report import html, junit, markdown, results_json
from validation.report.model import load

LATEST = "latest"
RESULTS = "results.json"
RENDERERS: MappingProxyType[str, Callable[[Run], str]] = MappingProxyType(
    {"index.html": html.render, "junit.xml": junit.render, RESULTS: results_json.render, "summary.md": markdown.render}
)


def write_all(folder: Path) -> Run:
    """Return the run recorded in a folder, after writing its reports there and pointing the link `latest` to the newest run.

    Raises:
        UsageError: the record is missing or was changed.
        HarnessError: a report does not match its schema, or `latest` is not a link.
    """
    run = load(folder)
    for name, render in RENDERERS.items():
        (folder / name).write_text(render(run), encoding="utf-8")
    _point_latest_to(folder)
    return run


def _point_latest_to(folder: Path) -> None:
    latest = folder.parent / LATEST
    if latest.exists() and not latest.is_symlink():
        raise HarnessError(
            f"{latest} is not a link, so that it cannot point to the newest run.",
            "a folder was copied there by hand",
            f"move it away, then run: votecheck report {folder.name}",
        )
    if latest.is_dir() and latest.resolve().name > folder.name:
        return  # an older run whose reports were written again is still not the latest
    fresh = latest.with_name(f".{LATEST}-{secrets.token_hex(4)}")
    fresh.symlink_to(folder.name, target_is_directory=True)
    os.replace(fresh, latest)  # noqa: PTH105 - replaces the link itself
