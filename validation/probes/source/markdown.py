"""Markdown documents, read by markdown-it-py: code blocks, links, list items, table rows, sections and paragraphs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

PARSER = MarkdownIt("commonmark").enable("table")
_FILE = re.compile(r"[\w./-]+\.\w+")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced code block.

    Attributes:
        language: the first word of its info string.
        content: its text.
        named: the last file that the paragraph before it names in code, or empty.
        follows_code: whether another code block or one paragraph is all that stands between it and the block before.
    """

    language: str
    content: str
    named: str
    follows_code: bool


class Text(NamedTuple):
    """A piece of a document as a reader sees it.

    Attributes:
        kind: `heading`, `paragraph`, `item` of a list, `row` of a table, its `columns`, or line of `code`.
        section: the heading above it.
    """

    kind: str
    section: str
    shown: str

    def says(self, sentence: str, section: str = "") -> bool:
        """Return whether it contains a sentence, in a section; empty: in any."""
        return sentence in self.shown and section in ("", self.section)


def blocks(document: str) -> Iterator[Block]:
    """Yield the fenced code blocks, in order."""
    named, since = "", 2
    for node in _parse(document).walk():
        if node.type == "paragraph":
            files = [part.content for part in node.walk() if part.type == "code_inline" and _FILE.fullmatch(part.content)]
            named, since = (files[-1] if files else ""), since + 1
        elif node.type == "heading":
            named, since = "", 2
        elif node.type == "fence":
            yield Block(node.info.strip().partition(" ")[0], node.content, named, since <= 1)
            named, since = "", 0


def inline_code(document: str) -> list[str]:
    """Return the code in the text of a document, in order."""
    return [node.content for node in _parse(document).walk() if node.type == "code_inline"]


def code_blocks(document: str, *languages: str) -> list[str]:
    """Return the contents of the fenced code blocks in some languages, in order."""
    return [node.content for node in _parse(document).walk() if node.type == "fence" and node.info.strip() in languages]


def links(document: str) -> list[str]:
    """Return the targets of links and images, in order."""
    attribute = {"link": "href", "image": "src"}
    return [str(node.attrs[attribute[node.type]]) for node in _parse(document).walk() if node.type in attribute]


def list_items(document: str) -> list[str]:
    """Return the title of each item of the top-level bullet lists: its text in bold if it starts with it, else its first line."""
    lists = [node for node in _parse(document).children if node.type == "bullet_list"]
    inlines = [next(node for node in item.walk() if node.type == "inline") for one in lists for item in one.children if item.children]
    return [_title(inline) for inline in inlines]


def table_rows(document: str) -> list[tuple[str, ...]]:
    """Return the rows of all tables, without the headings, as the source of their cells."""
    bodies = [node for node in _parse(document).walk() if node.type == "tbody"]
    return [tuple("".join(part.content for part in cell.children) for cell in row.children) for body in bodies for row in body.children]


def paragraphs(document: str) -> list[str]:
    """Return the source of each paragraph."""
    return [node.children[0].content for node in _parse(document).walk() if node.type == "paragraph"]


def texts(document: str) -> Iterator[Text]:
    """Yield each heading, paragraph, table row and line of code as a reader sees it.

    Emphasis and links leave only their text. The cells of a row are separated by ` | `.
    """
    above = ""
    for node in _parse(document).walk():
        match node.type:
            case "heading":
                above = _shown(node)
                yield Text("heading", above, above)
            case "paragraph":
                inside = node.parent is not None and node.parent.type == "list_item"
                yield Text("item" if inside else "paragraph", above, _shown(node))
            case "tr":
                body = node.parent is not None and node.parent.type == "tbody"
                yield Text("row" if body else "columns", above, " | ".join(map(_shown, node.children)))
            case "fence":
                yield from (Text("code", above, " ".join(line.split())) for line in node.content.splitlines())


def sections(document: str, level: int) -> Iterator[tuple[str, str]]:
    """Yield the source of each heading of a level, and of everything below it up to the next heading of that level or above."""
    lines = document.splitlines(keepends=True)
    headings = [(int(node.tag[1]), node) for node in _parse(document).children if node.type == "heading"]
    for number, (depth, node) in enumerate(headings):
        if depth == level and node.map:
            ends = [other.map[0] for other_depth, other in headings[number + 1 :] if other_depth <= level and other.map]
            yield node.children[0].content, "".join(lines[node.map[1] : ends[0] if ends else None])


def _parse(document: str) -> SyntaxTreeNode:
    return SyntaxTreeNode(PARSER.parse(document))


def _shown(node: SyntaxTreeNode) -> str:
    return " ".join("".join(" " if part.type == "softbreak" else part.content for part in node.walk() if not part.children).split())


def _title(inline: SyntaxTreeNode) -> str:
    first = next((part for part in inline.children if part.type != "text" or part.content), inline)
    if first.type == "strong":
        return "".join(f"`{part.content}`" if part.type == "code_inline" else part.content for part in first.walk() if not part.children)
    return inline.content.partition("\n")[0]
