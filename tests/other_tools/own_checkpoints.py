"""What the project itself sees: each defect is planted anew, and is seen when every checkpoint that it names turns red."""

import re
import subprocess
import sys

from tests.other_tools.tool import ORIGINAL, Told, Verdict, Word
from validation.core.settings import PROJECT
from validation.defects.catalogue import catalogue

NAME = "votecheck"
COMMAND = ("defects", "run", "--defect", ",".join(ORIGINAL))
SECONDS = 1800


def release() -> str:
    """The version of the release."""
    line = re.search(r'^version = "(.+)"$', (PROJECT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert line
    return line[1]


def ours() -> Told:
    """Prove the eleven, on this machine."""
    ran = subprocess.run(
        [sys.executable, "-m", "validation", *COMMAND], cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    caught = dict(re.findall(r"^(D\d+) +(\S+)", ran.stdout, re.MULTILINE))
    why = "" if set(caught) == set(ORIGINAL) else ran.stderr.strip()[-300:] or "it ended before it had judged the eleven"
    told = tuple(Verdict(i, Word.SEES if caught.get(i) == "caught" else Word.SEES_NOT, tuple(catalogue()[i].checkpoints)) for i in ORIGINAL)
    return Told(NAME, release(), "whether this voting system keeps its protocol", " ".join([NAME, *COMMAND]), told, why)
