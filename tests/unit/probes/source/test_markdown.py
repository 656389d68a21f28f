"""Markdown is read as a parser reads it, not line by line."""

from validation.probes.source import markdown

PAGE = """# Page

See [the decision](adr/1.md#why) and ![a picture](a.png).

- **`One` thing**: first.
  - nested
- two.

| id | state |
|---|---|
| 1.1 | `PASSED` |

```sh
[no](link.md)
```

## Later

### Part

text
"""


def test_links_and_images_are_found_but_not_in_code() -> None:
    assert markdown.links(PAGE) == ["adr/1.md#why", "a.png"]


def test_code_blocks_are_chosen_by_language() -> None:
    assert markdown.code_blocks(PAGE, "sh") == ["[no](link.md)\n"]
    assert markdown.code_blocks(PAGE, "yaml", "sh") == ["[no](link.md)\n"]
    assert markdown.code_blocks(PAGE, "yaml") == []


def test_a_list_item_has_its_bold_title_or_its_first_line() -> None:
    assert markdown.list_items(PAGE) == ["`One` thing", "two."]


def test_table_rows_are_the_source_of_their_cells() -> None:
    assert markdown.table_rows(PAGE) == [("1.1", "`PASSED`")]


def test_sections_end_at_the_next_heading_of_their_level_or_above() -> None:
    assert [heading for heading, _ in markdown.sections(PAGE, 2)] == ["Later"]
    (_, body), *_ = markdown.sections(PAGE, 2)
    assert list(markdown.sections(body, 3)) == [("Part", "\ntext\n")]
    assert "## Later" in next(markdown.sections(PAGE, 1))[1]
