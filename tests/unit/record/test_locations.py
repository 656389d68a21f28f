"""A finding is about the first file of the source that its texts name, and about no file that does not exist there."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validation.core.errors import Finding
from validation.core.settings import PROJECT
from validation.record.events import Observed
from validation.record.locations import named_file
from validation.record.observe import Observe


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("port in chart/values.yaml",), "chart/values.yaml"),
        (("versions in the README", "correct README.md."), "README.md"),
        (("status", "FRESH_SECONDS in system/api/results.py"), "system/api/results.py"),
        (("it", "system/consumer/reading.py and recovery.py"), "system/consumer/reading.py"),
        (("(see chart/Chart.yaml:3)",), "chart/Chart.yaml:3"),
        (("DL3006 (warning) api.Dockerfile:12: tag", f"{PROJECT}/system/images/api.Dockerfile"), "system/images/api.Dockerfile:12"),
        (("chart/templates", "201", "system/api"), ""),
        (("no/such/file.py", "../README.md", "/etc/passwd", "~/.bashrc", ".gitignore", "chart/../../etc/passwd"), ""),
        (("reports/latest/index.html", "\x00", "a" * 5000, "." * 300), ""),
        (("x/../README.md",), "README.md"),
        (("chart/../README.md",), "README.md"),
    ],
)  # fmt: skip
def test_the_first_existing_file_is_named(texts: tuple[str, ...], expected: str) -> None:
    assert named_file(PROJECT, *texts) == expected


def test_a_link_that_leads_out_of_the_source_names_no_file(tmp_path: Path) -> None:
    (tmp_path / "out.txt").symlink_to("/etc/passwd")
    assert named_file(tmp_path, "out.txt") == ""


@given(st.text(), st.text())
def test_any_text_names_a_file_of_the_source_or_none(one: str, other: str) -> None:
    found = named_file(PROJECT, f"{one} README.md:{other}", other)
    assert found == "" or (PROJECT / found.partition(":")[0]).is_file()


def test_a_wrong_observation_has_its_file_and_a_right_one_needs_none() -> None:
    facts = list[Observed]()
    observe = Observe("S", facts.append, locate=lambda *texts: named_file(PROJECT, *texts))
    observe("port in README.md", expected=1, observed=1)
    with pytest.raises(Finding), observe.together():
        observe("port in README.md", expected=1, observed=2)
        observe("`cat README.md` of the guide", expected=1, observed=2, file="docs/index.md")
        observe("port", expected=1, observed="see CHANGELOG.md")
    assert [fact.file for fact in facts] == ["", "README.md", "docs/index.md", "CHANGELOG.md"]
