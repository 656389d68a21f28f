"""The model beside the system: its parts start once a session, and stop with the last scenario that needs them."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from anyio.from_thread import BlockingPortal

from features.support.background import tagged
from validation.core.settings import RunSettings
from validation.model.parts import Parts
from validation.model.run import Outcome, run
from validation.targets.launching import LaunchingTarget

TAG = "cp_b24"
EXAMPLE_SECONDS = 120.0
"""The most that an example may take; on an idle machine it takes about 8 s."""


@dataclass
class ModelRuns:
    """The parts, and how many scenarios still need them."""

    target: LaunchingTarget
    portal: BlockingPortal
    settings: RunSettings
    needed: int
    _parts: Parts | None = None

    def start(self) -> None:
        """Start the parts unless they run."""
        if self._parts is None:
            self._parts = Parts(self.target, self.portal)
        self._parts.wait_until_ready(*self._parts.all)

    def run(self, seed: int) -> Outcome:
        """Run examples from a seed. After the last scenario the parts stop."""
        self.start()
        assert self._parts is not None  # noqa: S101 - start
        examples = self.settings.model_examples
        self.needed -= 1
        try:
            return run(self._parts, seed, examples=examples, within=EXAMPLE_SECONDS * examples)
        finally:
            if self.needed <= 0:
                self.close()

    def close(self) -> None:
        """Stop the parts."""
        parts, self._parts = self._parts, None
        if parts is not None:
            parts.close()


@pytest.fixture(scope="session")
def model_runs(
    request: pytest.FixtureRequest, target: LaunchingTarget, portal: BlockingPortal, settings: RunSettings
) -> Iterator[ModelRuns]:
    """The runs of the model in this session."""
    runs = ModelRuns(target, portal, settings, sum(map(tagged(TAG), request.session.items)))
    yield runs
    runs.close()
