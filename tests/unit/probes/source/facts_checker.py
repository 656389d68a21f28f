"""Asks 1.3 about the copy that this is run in: a line comes in, and the facts that disagree go out, each with what was wrong.

It is a process of its own because the judge's own statement, `validation/core/protocol.py`, is one of the places that are changed.
"""

import importlib
import json
import sys
from pathlib import Path

from features.steps.documents import source as steps
from validation.core import protocol
from validation.core.errors import Finding
from validation.core.settings import PROJECT, RunSettings
from validation.probes.source import facts
from validation.record.observe import Observe


def disagreeing(source: Path) -> dict[str, list[str]]:
    """Take the steps of 1.3 for every fact; for each that disagrees, the subjects of the finding."""
    found = {}
    for fact in facts.facts():
        said = steps.read_places(fact, RunSettings(source=source))
        try:
            steps.all_state_the_same(fact, said, Observe("", lambda _: None))
        except Finding as finding:
            found[fact] = [one.subject for one in finding.observations]
    return found


def main() -> None:
    """Judge again for each line, with nothing remembered of the time before."""
    for _ in sys.stdin:
        importlib.reload(protocol)
        facts._rendered.cache_clear()
        sys.stdout.write(json.dumps(disagreeing(PROJECT)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
