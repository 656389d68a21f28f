"""The table of values at the end of chart/README.md, made from chart/values.yaml. Renew: python -m tests.chart.values_table"""

import re
from pathlib import Path

CHART = Path(__file__).parents[2] / "chart"
README = CHART / "README.md"
HEADING = "| value | default | what it is |\n|---|---|---|\n"
LINE = re.compile(r"(?P<indent> *)(?P<key>[\w-]+):(?: (?P<default>[^#]\S*.*?))? +# (?P<text>.+)")


def rows() -> dict[str, tuple[str, str]]:
    """Read every value's default and description, by path."""
    found, parents = {}, []
    for line in (CHART / "values.yaml").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        match = LINE.fullmatch(line)
        assert match, f"a value without a description behind it: {line}"
        parents = [*parents[: len(match["indent"]) // 2], match["key"]]
        if match["default"] is not None:
            found[".".join(parents)] = (match["default"], match["text"])
    return found


def readme() -> str:
    """Give the README as it should be: what is there up to the table, and the table."""
    lines = (f"| `{path}` | `{default}` | {text} |\n" for path, (default, text) in rows().items())
    return README.read_text().split(HEADING)[0] + HEADING + "".join(lines)


if __name__ == "__main__":
    README.write_text(readme())
