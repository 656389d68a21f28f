"""The values table at the end of chart/README.md, generated from chart/values.yaml. Regenerate: python -m tests.chart.values_table"""

import re
from pathlib import Path

CHART = Path(__file__).parents[2] / "chart"
README = CHART / "README.md"
HEADING = "| value | default | description |\n|---|---|---|\n"
COMMENT = re.compile(r" *#(?P<starts> --)? (?P<text>.+)")
VALUE = re.compile(r"(?P<indent> *)(?P<key>[\w-]+):(?: (?P<default>.+))?")


def rows() -> dict[str, tuple[str, str]]:
    """Read the default and the helm-docs description (`# --` and its continuation lines) of every value, by path."""
    found: dict[str, tuple[str, str]] = {}
    parents: list[str] = []
    description: list[str] = []
    for line in (CHART / "values.yaml").read_text().splitlines():
        if comment := COMMENT.fullmatch(line):
            if comment["starts"] or description:
                description.append(comment["text"])
        elif value := VALUE.fullmatch(line):
            parents = [*parents[: len(value["indent"]) // 2], value["key"]]
            if value["default"] is not None:
                assert description, f"chart/values.yaml: no `# --` description above {'.'.join(parents)}"
                found[".".join(parents)] = (value["default"], " ".join(description))
            description = []
        else:
            assert not line, f"chart/values.yaml: neither a comment nor a value: {line}"
            description = []
    return found


def readme() -> str:
    """Return the README with a fresh table: the text above the table, then one row per value."""
    lines = (f"| `{path}` | `{default}` | {text} |\n" for path, (default, text) in rows().items())
    return README.read_text().split(HEADING)[0] + HEADING + "".join(lines)


if __name__ == "__main__":
    README.write_text(readme())
