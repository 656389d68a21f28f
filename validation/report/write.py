"""Writes every report of a run beside its record."""

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
    """Judge the record in a run's folder, write its reports there and let `latest` beside it lead to the newest run.

    Raises:
        UsageError: there is no record, or it cannot be read.
        HarnessError: a report cannot be written, or something that is not ours is called `latest`.
    """
    run = load(folder)
    for name, render in RENDERERS.items():
        (folder / name).write_text(render(run), encoding="utf-8")
    _lead_to(folder)
    return run


def _lead_to(folder: Path) -> None:
    latest = folder.parent / LATEST
    if latest.exists() and not latest.is_symlink():
        raise HarnessError(
            f"{latest} is not a link, and the newest run should be found there.",
            "a folder was copied there by hand",
            f"move it away, then: votecheck report {folder.name}",
        )
    if latest.is_dir() and latest.resolve().name > folder.name:
        return  # the reports of an older run were made again: it is still not the latest
    fresh = latest.with_name(f".{LATEST}-{secrets.token_hex(4)}")
    fresh.symlink_to(folder.name, target_is_directory=True)
    os.replace(fresh, latest)  # noqa: PTH105 - Path.replace would do the same; this says that the link itself is replaced
