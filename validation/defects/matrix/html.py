"""`reports/defects/`: the matrix for people, for programs and for a pull request. The page needs no network and no script."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from jinja2 import Template

from validation.defects.catalogue import Defect
from validation.defects.matrix import markdown
from validation.defects.matrix.matrix import Cell, Matrix, by_checkpoint
from validation.defects.matrix.steps import sights
from validation.defects.results import Seen
from validation.registry.checkpoints import BEYOND, phases, registry
from validation.report.html import pages
from validation.report.model import tally
from validation.report.text import duration, percent

SIGNS = {Cell.CAUGHT: "●", Cell.MISSED: "✕", Cell.BESIDES: "○", Cell.OPEN: "?", Cell.PASSED: "", Cell.APART: ""}
"""A cell is told by its sign as well as by its colour."""

SCHEMA_VERSION = 1


def write(folder: Path, matrix: Matrix, defects: Mapping[str, Defect], seen: frozenset[str]) -> str:
    """Write the matrix into a folder, and give it as a text.

    Args:
        folder: where to.
        matrix: what fell by what.
        defects: the catalogue, for titles and stories.
        seen: the checkpoints that have been seen to fail, here and elsewhere.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = markdown.markdown(matrix, defects, seen)
    for name, written in (
        ("matrix.json", json.dumps(document(matrix, defects, seen), indent=2) + "\n"),
        ("index.html", render(matrix, defects, seen)),
        ("summary.md", text + "\n"),
    ):
        (folder / name).write_text(written, encoding="utf-8")
    return text


def document(matrix: Matrix, defects: Mapping[str, Defect], seen: frozenset[str]) -> dict[str, Any]:
    """Give what `matrix.json` holds."""
    return {
        "schema_version": SCHEMA_VERSION,
        "said": tally(seen),
        "self_tested": [one for one in registry() if one in seen],
        "checkpoints": list(matrix.columns),
        "defects": [
            {
                "id": row.defect,
                "title": defects[row.defect].title,
                "layer": defects[row.defect].layer,
                "digest": row.digest,
                "at": row.at,
                "seconds": row.seconds,
                "trouble": row.trouble,
                "named": row.named,
                "blast_radius": len(matrix.cells(row, Cell.BESIDES)),
                "cells": {column: str(matrix.cell(row, column)) for column in matrix.columns},
                "wrong": [_seen(one) for one in row.wrong],
            }
            for row in matrix.rows
        ],
        "not_in_the_matrix": dict(matrix.absent),
        "unproven": list(matrix.unproven),
        "fell_only_besides": list(matrix.besides_only),
        "seen_by_one_observation": {defect: _seen(one) for defect, one in matrix.sole.items()},
        "wrong_by_one_defect": [{**_seen(one), "defect": defect} for one, defect in matrix.by_one_defect],
        "steps": [
            {
                "checkpoint": one.step.checkpoint,
                "step": one.step.text,
                "only_it_sees": list(one.alone),
                "sees_beside_others": list(one.beside),
                "stays_because": one.stays,
            }
            for one in sights(matrix)
        ],
        "never_wrong": [_seen(one) for one in matrix.never_wrong],
    }


def render(matrix: Matrix, defects: Mapping[str, Defect], seen: frozenset[str]) -> str:
    """Write the matrix as one HTML page."""
    radius = {row.defect: len(matrix.cells(row, Cell.BESIDES)) for row in matrix.rows}
    return _template().render(
        matrix=matrix,
        defects=defects,
        seen=seen,
        groups=_groups(matrix.columns),
        edges=[
            after for before, after in pairwise(("", *matrix.columns)) if not before or registry()[before].phase != registry()[after].phase
        ],
        registry=registry(),
        inside=[one.id for one in registry().values() if one.phase != BEYOND],
        beyond=[one.id for one in registry().values() if one.phase == BEYOND],
        by_radius=sorted(matrix.rows, key=lambda row: -radius[row.defect]),
        widest=max(radius.values(), default=0),
        never=by_checkpoint(matrix.never_wrong),
        sights=sights(matrix),
        elsewhere=[one for one in registry().values() if one.id not in matrix.columns],
        made=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )


@cache
def _template() -> Template:
    environment = pages(Path(__file__).parent)
    environment.filters |= {"duration": duration}
    environment.globals |= {"Cell": Cell, "signs": SIGNS, "headline": markdown.headline, "absent": markdown.absent, "percent": percent}
    return environment.get_template("matrix.html.j2")


def _groups(columns: tuple[str, ...]) -> list[tuple[str, int]]:
    """Give the phases above the columns, and how many columns each has."""
    numbers = [registry()[column].phase for column in columns]
    return [("Beyond" if number == BEYOND else f"{number} {phases()[number]}", numbers.count(number)) for number in dict.fromkeys(numbers)]


def _seen(one: Seen) -> dict[str, str]:
    return {"checkpoint": one.checkpoint, "scenario": one.scenario, "step": one.step, "subject": one.subject}
