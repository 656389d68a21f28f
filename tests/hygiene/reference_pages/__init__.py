"""Reference pages that are generated from running code. They are made in tests because the harness must not import `system`."""

MADE = "<!-- Generated from {}; do not edit. To update: VOTECHECK_REGENERATE=1 .venv/bin/python -m pytest tests/hygiene -->\n"


def row(*cells: str) -> str:
    """Return one row of a Markdown table; a `|` in a cell is escaped."""
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |\n"
