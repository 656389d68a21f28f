"""A run that covers less than a release needs is PARTIAL, and no format calls it GO."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.unit.report.conftest import waiver
from validation.core.settings import TARGETS
from validation.record.verdicts import Run, RunVerdict
from validation.registry.checkpoints import registry
from validation.report import diff, html, markdown, results_json
from validation.report.formats import ctrf, junit
from validation.report.model import load
from validation.report.terminal import summary

GO = re.compile(r"(?<![A-Za-z-])GO\b")
WITHOUT_ONE = [identifier for identifier in registry() if identifier != "7.1"]


def terminal(run: Run) -> str:
    console = Console(file=io.StringIO(), width=120)
    summary(run, console, Path("reports/run"))
    return str(console.file.getvalue())  # type: ignore[attr-defined]


FORMATS: dict[str, Callable[[Run], str]] = {
    "terminal": terminal,
    "index.html": html.render,
    "junit.xml": junit.render,
    "ctrf.json": ctrf.render,
    "results.json": results_json.render,
    "summary.md": markdown.render,
    "diff": lambda run: diff.diff(run, run),
}
PARTS: dict[str, dict[str, Any]] = {
    "a selection": {"scope": ["5.1"]},
    "all but one checkpoint": {"scope": WITHOUT_ONE},
    "a quick run": {"flags": ["--quick"]},
    "other settings of Redis": {"flags": ["--redis-setting", "appendfsync=no"]},
    "shorter faults": {"fault_minutes": 0.1},
    "plain pytest": {"command": "pytest"},
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("part", PARTS)
def test_no_format_calls_a_part_go(record: Any, part: str, name: str) -> None:
    asked = {"scope": [*registry()], "target": "cluster"} | PARTS[part]
    record.start(**asked)
    record.passes(*asked["scope"])
    run = load(record.end())
    assert (run.verdict, run.exit_code, len(run.gaps)) == (RunVerdict.PARTIAL, 4, 1)
    written = FORMATS[name](run)
    assert "PARTIAL" in written
    assert not GO.search(written)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_calls_a_whole_run_go(clean: Path, name: str) -> None:
    run = load(clean)
    assert (run.verdict, run.exit_code, run.gaps) == (RunVerdict.GO, 0, ())
    assert GO.search(FORMATS[name](run))


@pytest.mark.parametrize(("target", "levels"), [("local", ["in images", "in a cluster"]), ("containers", ["in a cluster"])])
def test_a_target_below_the_release_policy_is_partial_even_if_waivers_cover_the_rest(record: Any, target: str, levels: list[str]) -> None:
    waived = [c.id for c in registry().values() if not TARGETS[target].intersection(c.needs)]
    waivers = [waiver(i, "not proven") for i in waived]
    record.start([*registry()], target=target, waivers=waivers)
    record.passes(*(i for i in registry() if i not in waived))
    run = load(record.end())
    assert run.verdict is RunVerdict.PARTIAL
    assert [gap.partition(":")[0] for gap in run.gaps] == [f"Not checked {level}" for level in levels]


@pytest.mark.parametrize("left_out", ["files", "local", "image", "cluster"])
def test_a_checkpoint_must_be_proven_at_each_level_that_it_names(record: Any, left_out: str) -> None:
    record.start([*registry()], target="cluster")
    for checkpoint in registry().values():
        kept = [need for need in checkpoint.needs if need != left_out] or list(checkpoint.needs)
        for fidelity in kept:
            record.scenario(checkpoint.id, ("status", "200", "200"), name=fidelity, fidelity=fidelity)
    run = load(record.end())
    lacking = [c.id for c in registry().values() if left_out in c.needs and len(c.needs) > 1]
    if left_out == "local":  # a container runs the system, too
        lacking = [i for i in lacking if "image" not in registry()[i].needs]
    assert run.verdict is (RunVerdict.PARTIAL if lacking else RunVerdict.GO)
    assert all(identifier in " ".join(run.gaps) for identifier in lacking)


def test_a_waiver_covers_its_checkpoint_at_every_level(record: Any) -> None:
    record.start([*registry()], target="cluster", waivers=[waiver("4.3", "user")])
    record.passes(*(i for i in registry() if i != "4.3"))
    record.scenario("4.3", ("user", "65532", "0"))
    assert load(record.end()).verdict is RunVerdict.GO


def test_the_gaps_are_published(record: Any) -> None:
    record.start(["5.1"], target="cluster")
    record.passes("5.1")
    run = load(record.end())
    assert json.loads(results_json.render(run))["gaps"] == [
        f"Partial run: 1 of {len(registry())} checkpoints; {len(registry()) - 1} not run."
    ]


def test_a_failure_or_something_open_wins_over_partial(record: Any) -> None:
    record.start(["5.1", "5.2"], flags=["--quick"])
    record.passes("5.1")
    assert load(record.end()).verdict is RunVerdict.INCOMPLETE
