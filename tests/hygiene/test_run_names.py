"""Tests run side by side, and the end of a run ends every process that carries its name."""

import re
from collections import defaultdict
from pathlib import Path

from validation.core.settings import PROJECT

NAME_OF_A_RUN = re.compile(r'(?:\bclaim\(|\brun=|\bMARK: |"VOTECHECK_RUN": )"([^"]+)"|"\.?(20260101-000000-[a-z]+)"')


def test_no_two_files_of_tests_name_a_run_alike() -> None:
    files = defaultdict(set)
    for file in {*(PROJECT / "tests").rglob("*.py")} - {Path(__file__)}:
        for found in NAME_OF_A_RUN.finditer(file.read_text(encoding="utf-8")):
            files[found[1] or found[2]].add(str(file.relative_to(PROJECT)))
    assert {name: sorted(several) for name, several in files.items() if len(several) > 1} == {}
    assert {"20260101-000000-none", "20260101-000000-live"} <= set(files)
