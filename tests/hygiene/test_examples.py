"""The examples of the guides are accepted by what reads them."""

import re
import tomllib
from pathlib import Path

from markdown_it import MarkdownIt

from validation.core.settings import PROJECT
from validation.record.waivers import read_waivers
from validation.registry.checkpoints import registry, select

GUIDES = PROJECT / "docs" / "guides"


def example(page: str, language: str) -> str:
    """Return the one block of a language on a page."""
    tokens = MarkdownIt().parse((GUIDES / page).read_text(encoding="utf-8"))
    (block,) = [token.content for token in tokens if token.type == "fence" and token.info == language]
    return block


def test_the_waiver_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "waivers.toml"
    file.write_text(example("write-a-waiver.md", "toml"), encoding="utf-8")
    assert [waiver["id"] for waiver in read_waivers(file)] == ["4.3"]


def test_the_defect_can_be_seeded() -> None:
    (defect,) = tomllib.loads(example("seed-a-defect.md", "toml"))["defect"]
    assert defect.keys() == {"id", "title", "story", "layer", "checkpoints", "change"}
    assert select(ids=defect["checkpoints"])
    for change in defect["change"]:
        assert (PROJECT / change["file"]).read_text(encoding="utf-8").count(change["find"]) == 1


def test_the_checklist_names_checkpoints_that_exist() -> None:
    written = (GUIDES / "production-readiness.md").read_text(encoding="utf-8")
    named = re.findall(r"^\|[^|]+\| ((?:B?\d+(?:\.\d)?)(?: to B\d+)?) \|", written, re.MULTILINE)
    assert len(named) > 15
    assert {one for cell in named for one in cell.split(" to ")} <= registry().keys()
