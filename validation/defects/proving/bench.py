"""Where defects are proven: on this machine, or in a cluster. It decides which checkpoints, load, tests and images apply."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from validation.defects.catalogue import Defect, Images, Load

BRIEFLY = ("--quick", "--fail-fast")
"""One finding catches a defect. What comes after it, or repeats it in another form, does not have to run."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where defects are proven.

    Attributes:
        cluster: the options that name a cluster; None: on this machine, at the lowest fidelity that shows a defect.
    """

    cluster: tuple[str, ...] | None = None

    @property
    def at_once(self) -> int:
        """How many defects are proven at the same time. Half of a run is waiting; in a cluster, a node has room for only one."""
        return 1 if self.cluster is not None else (os.cpu_count() or 1) + 3

    def turns(self, defects: Iterable[Defect]) -> tuple[tuple[list[Defect], int], ...]:
        """Split defects into groups that are proven together, each with the number at the same time.

        A load run with a latency limit is proven alone: other work on the machine would break the limit, which is not a catch.
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
        """Return whether anything here must catch the defect."""
        return bool(self.checkpoints(defect) or self.load(defect) or self.tests(defect))

    def checkpoints(self, defect: Defect) -> tuple[str, ...]:
        """Return the checkpoints that must fail here."""
        return defect.checkpoints if self.cluster is None else defect.cluster_checkpoints

    def load(self, defect: Defect) -> Load | None:
        """Return the load run that must show the defect here."""
        return defect.load if self.cluster is None else None

    def tests(self, defect: Defect) -> tuple[str, ...]:
        """Return the tests that must fail here."""
        return defect.tests if self.cluster is None else ()

    def images(self, defect: Defect) -> Images:
        """Return the images that the checkpoints run with here."""
        return defect.images if self.cluster is None else Images.BUILT

    def flags(self, defect: Defect) -> list[str]:
        """Return the options of `votecheck run`, without the checkpoints."""
        # In a cluster no --fail-fast: a checkpoint may first fail by what a file says, and only what is installed counts there.
        target = [*BRIEFLY] if self.cluster is None else ["--target", "cluster", *self.cluster]
        target += ["--target", "containers"] if self.cluster is None and defect.images else []
        return [*defect.flags, *target, *(["--image-tag", defect.tag] if self.images(defect) else [])]

    def counts(self, finding: dict[str, Any]) -> bool:
        """Return whether a finding catches anything here. In a cluster, what a file says does not count."""
        return self.cluster is None or finding["fidelity"] == "cluster"


HERE = Bench()
