"""The site builds without a warning, and a broken link is one."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from validation.core.settings import PROJECT


def build(docs: Path, site: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-b", "html", str(docs), str(site)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A site of two pages, with the project's own configuration."""
    copy = tmp_path / "docs"
    for folder in ("adr", "explanation", "guides", "reference", "results", "results/phases", "tutorial"):
        (copy / folder).mkdir(parents=True, exist_ok=True)
        (copy / folder / "page.md").write_text("# Page\n\n## Part\n", encoding="utf-8")
    for page in ("tutorial/first-validation.md", "tutorial/first-defect.md"):
        (copy / page).write_text("# Page\n", encoding="utf-8")
    (copy / "tutorial" / "page.md").unlink()
    shutil.copy(PROJECT / "docs" / "conf.py", copy)
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    (tmp_path / "README.md").write_text("# Readme\n", encoding="utf-8")
    (copy / "index.md").write_text("# Index\n\n[page](guides/page.md#part), [readme](../README.md)\n", encoding="utf-8")
    return copy


def test_a_site_whose_links_lead_somewhere_builds(docs: Path, tmp_path: Path) -> None:
    built = build(docs, tmp_path / "site")
    assert (built.returncode, built.stderr) == (0, "")
    assert (tmp_path / "site" / "guides" / "page.html").is_file()


@pytest.mark.parametrize("link", ["guides/nothing.md", "guides/page.md#nothing", "../NOTHING.md", "picture.png"])
def test_a_broken_link_fails_the_build(link: str, docs: Path, tmp_path: Path) -> None:
    with (docs / "index.md").open("a", encoding="utf-8") as index:
        index.write(f"\n[broken]({link})\n")
    built = build(docs, tmp_path / "site")
    assert built.returncode != 0, built.stderr
