"""The picture of a terminal in the README, drawn from the record of a real run: phase 5 of a copy with a seeded defect.

Draw it again after the report's words change: `VOTECHECK_REGENERATE=1 .venv/bin/python -m pytest tests/hygiene`.
Record a new run, half a minute: `.venv/bin/python -m tests.hygiene.terminal`.
"""

import io
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from msgspec import structs
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from validation.core.settings import PROJECT
from validation.defects.catalogue import catalogue
from validation.defects.seeding import seeded_copy
from validation.record.recorder import read
from validation.record.run_ids import RECORD
from validation.registry.checkpoints import select
from validation.report.model import load
from validation.report.terminal import Progress, summary

FOLDER = Path(__file__).with_name("terminal_run")
PICTURE = PROJECT / "docs" / "terminal.svg"
DEFECT, PHASE = "D116", 5
WIDE = 200
"""No line of a summary is as long, in characters: nothing wraps, and the picture is as wide as the longest line."""
THEME = TerminalTheme(
    (22, 27, 34), (230, 237, 243),
    [(72, 79, 88), (248, 81, 73), (63, 185, 80), (210, 153, 34), (88, 166, 255), (188, 140, 255), (57, 197, 207), (255, 255, 255)],
)  # fmt: skip
SVG = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<title>A run of votecheck in a terminal</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: {char_height}px; \
line-height: {line_height}px; font-variant-east-asian: full-width; white-space: pre; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""Rich's own template without its web font: the picture must not load anything."""


def draw(folder: Path = FOLDER) -> str:
    """Return the picture of the terminal as the run in `folder` left it."""
    events = list(read(folder / RECORD))
    console = Console(
        record=True, width=WIDE, file=io.StringIO(), color_system="truecolor", force_terminal=True, force_interactive=False, _environ={}
    )
    console.print(Text.assemble(("$ ", "dim"), f"votecheck run --phase {PHASE}"))
    with Progress(select([PHASE]), console) as progress:
        for event in events:
            progress(event)
    run = load(folder)
    # Without the temporary folders of the recording: a reader runs the command above.
    run = replace(run, started=structs.replace(run.started, flags=[], selection=["--phase", str(PHASE)]))
    summary(run, console, Path("reports") / run.started.run)
    console.width = max(map(len, console.export_text(clear=False).splitlines()))
    drawn = console.export_svg(title="votecheck", theme=THEME, code_format=SVG, unique_id="votecheck")
    return "\n".join(line.rstrip() for line in drawn.splitlines()) + "\n"


def record() -> None:
    """Run the phase against a copy with the defect, and keep the record."""
    with seeded_copy(catalogue()[DEFECT]) as copy, tempfile.TemporaryDirectory() as reports:
        command = [sys.executable, "-m", "validation", "run", "--phase", str(PHASE), "--source", str(copy), "--reports", reports]
        subprocess.run(command, cwd=PROJECT, check=False)
        FOLDER.mkdir(exist_ok=True)
        shutil.copy(Path(reports, "latest", RECORD), FOLDER / RECORD)


if __name__ == "__main__":
    record()
    PICTURE.write_text(draw(), encoding="utf-8")
