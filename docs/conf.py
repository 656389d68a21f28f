# ruff: noqa: INP001 - Sphinx runs this file; nothing imports it
"""How Sphinx turns these pages into a site. `tox -e docs` builds it without a network; a broken link fails the build.

The pages are plain Markdown, so that they read well on GitHub too. What only the site needs is added here while a page is read: the
navigation, and links that leave this folder.
"""

import re
import tomllib
from pathlib import Path

from sphinx.application import Sphinx

DOCS = Path(__file__).parent
PACKAGE = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = "votecheck"
author = "the votecheck contributors"
release = PACKAGE["version"]

extensions = ["myst_parser", "sphinxcontrib.mermaid"]
myst_enable_extensions = ["colon_fence"]
myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 4  # `page.md#a-heading` leads where it leads on GitHub

html_theme = "furo"
html_title = f"votecheck {release}"
html_copy_source = False

SECTIONS = {
    "Tutorial": ["tutorial/first-validation", "tutorial/first-defect"],
    "Guides": ["guides/*"],
    "Explanation": ["explanation/*"],
    "Reference": ["reference/*"],
    "Results": ["results/*", "results/phases/*"],
    "Decisions": ["adr/*"],
}
MARKDOWN_LINK = re.compile(r"\]\((?P<file>\.\./[^)#\s]+\.md)(?:#[^)\s]*)?\)")


def navigation() -> str:
    """Return the site's navigation as hidden `toctree` directives; new pages of a section join it by themselves."""
    trees = ("\n".join([":::{toctree}", ":hidden:", ":glob:", f":caption: {name}", "", *pages, ":::"]) for name, pages in SECTIONS.items())
    return "\n\n".join(trees)


def leave_docs(page: Path, text: str) -> str:
    """Return the text of a page with its links to Markdown outside `docs/` marked as links to files, which Sphinx checks."""

    def marked(link: re.Match[str]) -> str:
        inside = (page.parent / link["file"]).resolve().is_relative_to(DOCS)
        return link[0] if inside else f"](path:{link['file']})"

    return MARKDOWN_LINK.sub(marked, text)


def read(_app: Sphinx, name: str, source: list[str]) -> None:
    """Prepare a page that Sphinx has just read."""
    source[0] = leave_docs(DOCS / name, source[0])
    if name == "index":
        source[0] += f"\n\n{navigation()}\n"


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.connect("source-read", read)
