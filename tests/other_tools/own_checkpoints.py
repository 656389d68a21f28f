"""The project's own checkpoints: each defect is proven again, and is reported if every checkpoint that it names fails."""

import re
import subprocess
import sys

from tests.other_tools.tool import ORIGINAL, Outcome, Report, Result
from validation.core.settings import PROJECT
from validation.defects.catalogue import catalogue

NAME = "votecheck"
COMMAND = ("defects", "run", "--defect", ",".join(ORIGINAL))
SECONDS = 1800


def release() -> str:
    """Return the version of the release."""
    line = re.search(r'^version = "(.+)"$', (PROJECT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert line
    return line[1]


def own_report() -> Report:
    """Prove the eleven on this machine."""
    ran = subprocess.run(
        [sys.executable, "-m", "validation", *COMMAND], cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    caught = dict(re.findall(r"^(D\d+) +(\S+)", ran.stdout, re.MULTILINE))
    why = "" if set(caught) == set(ORIGINAL) else ran.stderr.strip()[-300:] or "it ended before it had proven the eleven"
    results = tuple(
        Result(i, Outcome.REPORTED if caught.get(i) == "caught" else Outcome.SILENT, tuple(catalogue()[i].checkpoints)) for i in ORIGINAL
    )
    return Report(NAME, release(), "whether this voting system keeps its protocol", " ".join([NAME, *COMMAND]), results, why)
