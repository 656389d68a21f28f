"""Check the facts of 1.3 in the copy of the project that this runs in: for each line on stdin, print the inconsistent facts as JSON.

It runs in a separate process because one of the places that the tests change is `validation/core/protocol.py`, part of the harness.
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


def inconsistent(source: Path) -> dict[str, list[str]]:
    """Run the steps of 1.3 for every fact. Return the subjects of the findings by fact."""
    found = {}
    for fact in facts.facts():
        stated = steps.read_places(fact, RunSettings(source=source))
        try:
            steps.all_state_the_same(fact, stated, Observe("", lambda _: None))
        except Finding as finding:
            found[fact] = [one.subject for one in finding.observations]
    return found


def main() -> None:
    """Check again for each line, without what is cached."""
    for _ in sys.stdin:
        importlib.reload(protocol)
        facts._rendered.cache_clear()
        sys.stdout.write(json.dumps(inconsistent(PROJECT)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
