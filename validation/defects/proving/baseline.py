"""The baseline: whatever must catch a defect has to be green on the unchanged system first."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

from validation.defects.catalogue import Defect, Images, Load
from validation.defects.proving.bench import HERE, Bench
from validation.defects.proving.commands import run_checkpoints, run_load
from validation.defects.proving.pytest_runs import run_tests
from validation.defects.seeded_images import images
from validation.defects.seeding import seeded_copy
from validation.registry.checkpoints import registry

AT_MOST = 8
"""How many checkpoints that need servers share one run. A run of all of them would take as long as everything else."""


def baselines(defects: Iterable[Defect], bench: Bench = HERE) -> list[Callable[[], list[str]]]:
    """Return the parts of the baseline. Each runs on an unchanged copy and returns what is not green."""
    kept = tuple(defects)
    groups: dict[tuple[bool, bool], set[str]] = {}
    for defect in kept:
        for identifier in bench.checkpoints(defect):
            contained = bool(bench.images(defect))
            long = not contained and registry()[identifier].needs[0] != "files"
            groups.setdefault((contained, long), set()).add(identifier)
    runs = [(part, contained) for (contained, long), ids in sorted(groups.items()) for part in _split(ids, AT_MOST if long else len(ids))]
    loads, tests = tuple(filter(None, map(bench.load, kept))), sorted({test for defect in kept for test in bench.tests(defect)})
    return [
        *(partial(_checkpoints_not_passed, part, Images.BUILT if contained else Images.NONE, bench) for part, contained in runs),
        *([partial(_limits_broken, loads)] if loads else []),
        *([partial(_tests_failed, tests)] if tests else []),
    ]


def _split(ids: Iterable[str], most: int) -> list[list[str]]:
    """Split checkpoints into runs of similar length: neighbours are alike, so they go to different runs."""
    in_order = sorted(ids)
    count = -(-len(in_order) // most)
    return [in_order[first::count] for first in range(count)]


def _checkpoints_not_passed(ids: Sequence[str], which: Images, bench: Bench) -> list[str]:
    unchanged = Defect("D0", "none", "", "", tuple(ids), images=which)
    with seeded_copy(None) as copy, images(copy, copy, which, unchanged.tag):
        entries = run_checkpoints(copy, ids, bench.flags(unchanged))
    where = ", with images" if which else ""
    return [f"{i}{where}: {entry['verdict']} {entry['reason']}" for i, entry in entries.items() if entry["verdict"] != "PASSED"]


def _limits_broken(loads: Iterable[Load]) -> list[str]:
    """Load an unchanged copy once for each scenario, rate and length, and return the limits that do not hold."""
    together: dict[Load, set[str]] = {}
    for load in loads:
        together.setdefault(replace(load, broken=()), set()).update(load.broken)
    found = list[str]()
    with seeded_copy(None) as copy:
        for load, limits in together.items():
            held = run_load(copy, load)
            found += [f"{load.scenario}, {limit}: {held[limit]['seen']}" for limit in sorted(limits) if not held[limit]["held"]]
    return found


def _tests_failed(tests: Sequence[str]) -> list[str]:
    with seeded_copy(None) as copy:
        ran = run_tests(copy, tests)
    if ran.green:
        return []
    return [f"{test}: {words}" for test, words in ran.failed] + list(ran.errors) or [f"the tests: {ran.end}"]
