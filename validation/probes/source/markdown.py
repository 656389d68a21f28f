"""Markdown documents, read by markdown-it-py: code blocks, links, list items, table rows, sections and paragraphs."""

from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

PARSER = MarkdownIt("commonmark").enable("table")


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


def _title(inline: SyntaxTreeNode) -> str:
    first = next((part for part in inline.children if part.type != "text" or part.content), inline)
    if first.type == "strong":
        return "".join(f"`{part.content}`" if part.type == "code_inline" else part.content for part in first.walk() if not part.children)
    return inline.content.partition("\n")[0]
