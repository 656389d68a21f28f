"""The proof that the judge can say no: plant a defect, run its checkpoints, and see who turns red by what."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from validation.core.errors import HarnessError
from validation.core.settings import PROJECT
from validation.defects.catalogue import Change, Defect, Load, planted
from validation.defects.planted_images import Images, images
from validation.defects.proving_by_tests import environment, not_caught, run_tests, survived
from validation.record.verdicts import INTERRUPTED_EXIT
from validation.registry.checkpoints import registry

RUN_SECONDS = 600
AT_MOST = 8
"""How many checkpoints that need servers one run of the baseline looks at: with all of them one would take as long as everything else."""
BRIEFLY = ("--quick", "--fail-fast")
"""One finding is a catch: what comes after it, and what only comes again in another form, is not looked at."""
COLLECTS_SELDOM = {"GOGC": "400"}
"""helm is a Go library, whose garbage collection takes a sixth of a run of the chart's checkpoints; some 25 MB more spare it that."""


class Catch(StrEnum):
    """What became of a planted defect."""

    CAUGHT = "caught"
    SURVIVED = "survived"
    INCONCLUSIVE = "inconclusive"
    NOT_LANDED = "not landed"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a defect, the words of the finding or the reason, and how long it took, in seconds."""

    defect: Defect
    catch: Catch
    said: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Bench:
    """Where defects are proven, each by the checkpoints that it names for there.

    Attributes:
        cluster: the options that name a cluster; None: on this machine, at the lowest fidelity that shows a defect.
    """

    cluster: tuple[str, ...] | None = None

    @property
    def at_once(self) -> int:
        """How many are proven at the same time: half of a run is waiting. A node is too small for two."""
        return 1 if self.cluster is not None else (os.cpu_count() or 1) + 3

    def turns(self, defects: Iterable[Defect]) -> tuple[tuple[list[Defect], int], ...]:
        """Part defects into those that are proven beside one another, each part with how many at once.

        A load that is timed is alone: what else a machine does would break its limits, and that would be no catch.
        """
        together, alone = list[Defect](), list[Defect]()
        for one in defects:
            (alone if (load := self.load(one)) and load.timed else together).append(one)
        return (together, self.at_once), (alone, 1)

    @property
    def place(self) -> str:
        """Its name: `here`, or the options that name the cluster."""
        return "here" if self.cluster is None else " ".join(self.cluster) or "cluster"

    def proves(self, defect: Defect) -> bool:
        """Tell whether something here must see a defect."""
        return bool(self.checkpoints(defect) or self.load(defect) or self.tests(defect))

    def checkpoints(self, defect: Defect) -> tuple[str, ...]:
        """Those that must turn red here."""
        return defect.checkpoints if self.cluster is None else defect.cluster_checkpoints

    def load(self, defect: Defect) -> Load | None:
        """The load that must show it here."""
        return defect.load if self.cluster is None else None

    def tests(self, defect: Defect) -> tuple[str, ...]:
        """The tests that must fail here."""
        return defect.tests if self.cluster is None else ()

    def images(self, defect: Defect) -> Images:
        """Those that a run is given here."""
        return defect.images if self.cluster is None else Images.BUILT

    def flags(self, defect: Defect) -> list[str]:
        """What a run is told beside its checkpoints."""
        # In a cluster, a checkpoint may have failed by what a file says, and only what is installed there counts.
        target = [*BRIEFLY] if self.cluster is None else ["--target", "cluster", *self.cluster]
        target += ["--target", "containers"] if self.cluster is None and defect.images else []
        return [*defect.flags, *target, *(["--image-tag", defect.tag] if self.images(defect) else [])]

    def sees(self, finding: dict[str, Any]) -> bool:
        """Tell whether a finding proves something here: in a cluster, what a file says does not."""
        return self.cluster is None or finding["fidelity"] == "cluster"


HERE = Bench()


def baselines(defects: Iterable[Defect], bench: Bench = HERE) -> list[Callable[[], list[str]]]:
    """Give the parts of what must be green before defects prove anything: each looks at an unchanged copy, and tells what is not."""
    kept = tuple(defects)
    groups: dict[tuple[bool, bool], set[str]] = {}
    for defect in kept:
        for identifier in bench.checkpoints(defect):
            contained = bool(bench.images(defect))
            long = not contained and registry()[identifier].needs[0] != "files"
            groups.setdefault((contained, long), set()).add(identifier)
    runs = [(part, contained) for (contained, long), ids in sorted(groups.items()) for part in _parts(ids, AT_MOST if long else len(ids))]
    loads, tests = tuple(filter(None, map(bench.load, kept))), sorted({test for defect in kept for test in bench.tests(defect)})
    return [
        *(partial(_open, part, Images.BUILT if contained else Images.NONE, bench) for part, contained in runs),
        *([partial(_broken, loads)] if loads else []),
        *([partial(_red, tests)] if tests else []),
    ]


def _parts(ids: Iterable[str], most: int) -> list[list[str]]:
    """Part checkpoints among runs that come beside one another; those that are alike stand side by side, and go to different ones."""
    in_order = sorted(ids)
    count = -(-len(in_order) // most)
    return [in_order[first::count] for first in range(count)]


def _open(ids: Sequence[str], which: Images, bench: Bench) -> list[str]:
    """Judge an unchanged copy; name the checkpoints that did not pass."""
    unchanged = Defect("D0", "none", "", "", tuple(ids), images=which)
    with planted(None) as copy, images(copy, copy, which, unchanged.tag):
        judged = judged_copy(copy, ids, bench.flags(unchanged))
    where = ", with images" if which else ""
    return [f"{i}{where}: {told['verdict']} {told['reason']}" for i, told in judged.items() if told["verdict"] != "PASSED"]


def _broken(loads: Iterable[Load]) -> list[str]:
    """Load an unchanged copy once for each scenario, rate and length; name the limits that do not hold."""
    together: dict[Load, set[str]] = {}
    for load in loads:
        together.setdefault(replace(load, broken=()), set()).update(load.broken)
    found = list[str]()
    with planted(None) as copy:
        for load, limits in together.items():
            held = _load(copy, load)
            found += [f"{load.scenario}, {limit}: {held[limit]['seen']}" for limit in sorted(limits) if not held[limit]["held"]]
    return found


def _red(tests: Sequence[str]) -> list[str]:
    """Run tests in an unchanged copy; name those that fail."""
    with planted(None) as copy:
        tested = run_tests(copy, tests)
    if tested.green:
        return []
    return [f"{test}: {words}" for test, words in tested.failed] + list(tested.errors) or [f"the tests: {tested.end}"]


def prove(defect: Defect, bench: Bench = HERE) -> Result:
    """Plant a defect, prove that it landed, run what must see it and say what became of it."""
    begun = time.monotonic()
    return replace(_proven(defect, bench), seconds=time.monotonic() - begun)


def _proven(defect: Defect, bench: Bench) -> Result:
    try:
        with planted(defect) as copy:
            for change in defect.changes:
                if why := why_not_landed(copy, change):
                    return Result(defect, Catch.NOT_LANDED, why)
            try:
                if load := bench.load(defect):
                    return _of_load(defect, load, copy)
                return _of_tests(defect, tests, copy) if (tests := bench.tests(defect)) else _of_checkpoints(defect, bench, copy)
            except HarnessError as error:
                return Result(defect, Catch.INCONCLUSIVE, str(error))
    except HarnessError as error:
        return Result(defect, Catch.NOT_LANDED, str(error))


def _of_checkpoints(defect: Defect, bench: Bench, copy: Path) -> Result:
    with images(copy, PROJECT, bench.images(defect), defect.tag):
        judged = judged_copy(copy, bench.checkpoints(defect), bench.flags(defect))
    caught = list[dict[str, Any]]()
    for identifier in bench.checkpoints(defect):
        one = judged[identifier]
        findings = list(filter(bench.sees, one["findings"]))
        if one["verdict"] == "PASSED":
            return Result(defect, Catch.SURVIVED, f"{identifier} passed")
        if one["verdict"] != "FAILED" or not findings:
            return Result(defect, Catch.INCONCLUSIVE, f"{identifier}: {one['verdict']} {one['reason']}")
        caught += findings
    return Result(defect, Catch.CAUGHT, _words(caught[0]["subject"], caught[0]["expected"], caught[0]["observed"]))


def _of_load(defect: Defect, load: Load, copy: Path) -> Result:
    held = _load(copy, load)
    for limit in load.broken:
        one = held.get(limit)
        if one is None or one["held"] is None:
            return Result(defect, Catch.INCONCLUSIVE, f"{limit}: {one['reason'] if one else 'no such limit was held'}")
        if one["held"]:
            return Result(defect, Catch.SURVIVED, f"{limit}: {one['seen']}")
    first = held[load.broken[0]]
    return Result(defect, Catch.CAUGHT, _words(first["what"], first["limit"], first["seen"]))


def _of_tests(defect: Defect, tests: Sequence[str], copy: Path) -> Result:
    tested = run_tests(copy, tests)
    if why := not_caught(tested, tests):
        return Result(defect, Catch.INCONCLUSIVE, why)
    if green := survived(tested, tests):
        return Result(defect, Catch.SURVIVED, f"{green[0]} passed")
    test, words = tested.failed[0]
    return Result(defect, Catch.CAUGHT, f"{test}: expected to pass, observed {words}"[:300])


def _words(subject: str, expected: str, observed: str) -> str:
    return f"{subject}: expected {expected}, observed {observed}"[:300]


def why_not_landed(copy: Path, change: Change) -> str:
    """Witness: the copy's file is the one that Python takes, and it has the change. Gives what is wrong, or nothing."""
    path = copy / change.file
    if change.replace not in path.read_text(encoding="utf-8"):
        return f"{change.file} does not have the change"
    if path.suffix != ".py":
        return ""
    module = change.file.removesuffix(".py").replace("/", ".")
    program = f"import importlib.util; print(importlib.util.find_spec({module!r}).origin); compile(open({str(path)!r}).read(), 'x', 'exec')"
    asked = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program], cwd=copy, env=environment(copy), capture_output=True, text=True, timeout=60, check=False
    )
    taken = asked.stdout.strip()
    return (
        ""
        if asked.returncode == 0 and Path(taken) == path
        else f"Python does not take the changed file: {asked.stderr.strip()[-200:] or taken}"
    )


def judged_copy(copy: Path, ids: Iterable[str], flags: Iterable[str] = ()) -> dict[str, dict[str, Any]]:
    """Run checkpoints on a copy in a process of their own and give their entries of results.json by id."""
    told = ["run", "--source", str(copy), "--checkpoint", ",".join(ids), *flags]
    with report_of(told, "latest/results.json", RUN_SECONDS) as results:
        judged = json.loads(results.read_text(encoding="utf-8"))
    return {c["id"]: c for c in judged["checkpoints"] + judged["beyond"]}


def _load(copy: Path, load: Load) -> dict[str, dict[str, Any]]:
    """Load a copy in a process of its own and give the limits of load.json by name."""
    told = ["load", load.scenario, "--source", str(copy), "--rate", str(load.rate), "--seconds", str(load.seconds)]
    with report_of(told, "load-latest/load.json", RUN_SECONDS) as results:
        return {check["what"]: check for check in json.loads(results.read_text(encoding="utf-8"))["checks"]}


@contextmanager
def report_of(told: Sequence[str], written: str, within: float) -> Iterator[Path]:
    """Run `votecheck` in a process of its own, and give a file that it wrote; with all of its reports it is removed afterwards.

    Args:
        told: the command and its options.
        written: the file, below the folder of reports.
        within: seconds.

    Raises:
        HarnessError: it did not end, was interrupted, or wrote no report.
    """
    with tempfile.TemporaryDirectory(prefix="votecheck-reports-") as reports:
        command = [sys.executable, "-m", "validation", *told, "--reports", reports]
        try:
            ran = subprocess.run(  # noqa: S603
                command, cwd=PROJECT, env=COLLECTS_SELDOM | os.environ, capture_output=True, text=True, timeout=within, check=False
            )
        except subprocess.TimeoutExpired:
            raise HarnessError(f"`{' '.join(told)[:200]}` did not end within {within:g} s.") from None
        results = Path(reports) / written
        if ran.returncode == INTERRUPTED_EXIT or not results.is_file():
            raise HarnessError(f"The run gave no results: {ran.stderr.strip()[-300:]}", f"it ended with {ran.returncode}")
        yield results
