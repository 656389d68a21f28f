"""The state of a pytest session that several parts of the plugin share, as keys of pytest's stash."""

import pytest

from validation.core.errors import HarnessError
from validation.core.settings import RunSettings
from validation.record.observe import Observe
from validation.record.recorder import Recorder

SETTINGS = pytest.StashKey[RunSettings]()
"""Of the session: the settings of the run."""
RECORDER = pytest.StashKey[Recorder]()
"""Of the session: its record. Absent until `execute` or the first collected scenario opens one."""
FAILED = pytest.StashKey[set[str]]()
"""Of the session: the ids of the checkpoints with a finding."""
OBSERVE = pytest.StashKey[Observe]()
"""Of an item: its `observe`. Absent until the scenario has started."""
OUTCOME = pytest.StashKey[tuple[str, str, float]]()
"""Of an item: outcome, reason and seconds so far."""


def recorder_of(config: pytest.Config) -> Recorder:
    """Return the session's recorder.

    Raises:
        HarnessError: the session has none.
    """
    if RECORDER not in config.stash:
        raise HarnessError("This session has no record to write to.")
    return config.stash[RECORDER]
