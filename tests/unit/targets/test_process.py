"""A child process of a run."""

import sys
from pathlib import Path

from validation.core import waiting
from validation.targets.process import Child


def test_a_child_that_was_never_started_is_stopped_at_once(tmp_path: Path) -> None:
    before = waiting.waits_in_vain()
    stopped = Child("never", [sys.executable], tmp_path, tmp_path).stop(within=60)
    assert (stopped.held, stopped.value) == (False, None)
    assert stopped.seconds < 30
    assert waiting.waits_in_vain() == before
