"""Writes the matrix to `reports/defects/`: an HTML page, JSON and Markdown. The page needs no network and no script."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from jinja2 import Template

from validation.core.files import write_whole
from validation.defects.catalogue import Defect
from validation.defects.matrix import markdown
from validation.defects.matrix.matrix import Cell, Matrix, by_checkpoint
from validation.defects.matrix.steps import step_results
from validation.defects.results import Observation
from validation.registry.checkpoints import BEYOND, phases, registry
from validation.report.html import pages
from validation.report.model import tally
from validation.report.text import duration, percent

SIGNS = {Cell.CAUGHT: "●", Cell.SURVIVED: "✕", Cell.ALSO_FAILED: "○", Cell.NOT_PROVEN: "?", Cell.PASSED: "", Cell.UNAFFECTED: ""}
"""Each cell has a sign as well as a colour."""

SCHEMA_VERSION = 2
MATRIX = "matrix.json"


def write(folder: Path, matrix: Matrix, defects: Mapping[str, Defect], self_tested: frozenset[str]) -> str:
    """Write the matrix into a folder, and return it as Markdown.

    Args:
        folder: created if it is missing.
        matrix: the matrix.
        defects: the catalogue, for titles.
        self_tested: the checkpoints that are self-tested, by this matrix or elsewhere.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = markdown.markdown(matrix, defects, self_tested)
    for name, written in (
        (MATRIX, json.dumps(document(matrix, defects, self_tested), indent=2) + "\n"),
        ("index.html", render(matrix, defects, self_tested)),
        ("summary.md", text + "\n"),
    ):
        write_whole(folder / name, written)
    return text


def document(matrix: Matrix, defects: Mapping[str, Defect], self_tested: frozenset[str]) -> dict[str, Any]:
    """Return the content of `matrix.json`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "summary": tally(self_tested),
        "self_tested": [one for one in registry() if one in self_tested],
        "checkpoints": list(matrix.columns),
        "defects": [
            {
                "id": row.defect,
                "title": defects[row.defect].title,
                "layer": defects[row.defect].layer,
                "digest": row.digest,
                "at": row.at,
                "seconds": row.seconds,
                "harness_error": row.harness_error,
                "expected": row.expected,
                "blast_radius": len(matrix.cells(row, Cell.ALSO_FAILED)),
                "cells": {column: str(matrix.cell(row, column)) for column in matrix.columns},
                "wrong": [_observation(one) for one in row.wrong],
            }
            for row in matrix.rows
        ],
        "excluded": dict(matrix.excluded),
        "never_failed": list(matrix.never_failed),
        "only_also_failed": list(matrix.only_also_failed),
        "caught_by_one_observation": {defect: _observation(one) for defect, one in matrix.caught_by_one.items()},
        "wrong_for_one_defect": [{**_observation(one), "defect": defect} for one, defect in matrix.wrong_for_one],
        "steps": [
            {
                "checkpoint": one.step.checkpoint,
                "step": one.step.text,
                "catches_alone": list(one.alone),
                "catches_with_others": list(one.shared),
                "reason_to_keep": one.reason,
            }
            for one in step_results(matrix)
        ],
        "never_wrong": [_observation(one) for one in matrix.never_wrong],
    }


def render(matrix: Matrix, defects: Mapping[str, Defect], self_tested: frozenset[str]) -> str:
    """Return the matrix as one HTML page."""
    radius = {row.defect: len(matrix.cells(row, Cell.ALSO_FAILED)) for row in matrix.rows}
    return _template().render(
        matrix=matrix,
        defects=defects,
        self_tested=self_tested,
        groups=_groups(matrix.columns),
        edges=[
            after for before, after in pairwise(("", *matrix.columns)) if not before or registry()[before].phase != registry()[after].phase
        ],
        registry=registry(),
        protocol=[one.id for one in registry().values() if one.phase != BEYOND],
        beyond=[one.id for one in registry().values() if one.phase == BEYOND],
        by_radius=sorted(matrix.rows, key=lambda row: -radius[row.defect]),
        widest=max(radius.values(), default=0),
        never_wrong=by_checkpoint(matrix.never_wrong),
        steps=step_results(matrix),
        elsewhere=[one for one in registry().values() if one.id not in matrix.columns],
        written=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )


@cache
def _template() -> Template:
    environment = pages(Path(__file__).parent)
    environment.filters |= {"duration": duration}
    environment.globals |= {"Cell": Cell, "signs": SIGNS, "headline": markdown.headline, "excluded": markdown.excluded, "percent": percent}
    return environment.get_template("matrix.html.j2")


def _groups(columns: tuple[str, ...]) -> list[tuple[str, int]]:
    """Return the phases above the columns, each with its number of columns."""
    numbers = [registry()[column].phase for column in columns]
    return [("Beyond" if number == BEYOND else f"{number} {phases()[number]}", numbers.count(number)) for number in dict.fromkeys(numbers)]


def _observation(one: Observation) -> dict[str, str]:
    return {"checkpoint": one.checkpoint, "scenario": one.scenario, "step": one.step, "subject": one.subject}
