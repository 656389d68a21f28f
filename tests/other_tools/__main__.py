"""`python -m tests.other_tools`: run other tools against the eleven original defects, print a table, and write JSON and the page.

Exit codes: 0 done, 1 votecheck did not catch all of them, 2 wrong usage, 3 it could not be run, 130 interrupted. What another tool reports
never decides.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tests.command import run_as_command
from tests.other_tools.document import machine, page, rows
from tests.other_tools.own_checkpoints import NAME, own_report
from tests.other_tools.running_system import RUNNING_SYSTEM
from tests.other_tools.static import STATIC
from tests.other_tools.tool import ORIGINAL, Outcome, Report, report

TOOLS = {tool.name: tool for tool in (*STATIC, *RUNNING_SYSTEM)}


def main(
    only: Annotated[str, typer.Option(help=f"Run only these tools: {NAME},{','.join(TOOLS)}")] = "",
    output: Annotated[Path, typer.Option("--json", help="Write the results to this file")] = Path("reports/other-tools.json"),
    written: Annotated[Path | None, typer.Option("--page", help="Also write the page to this file")] = None,
) -> None:
    """Run other tools against the eleven original defects, and print their results next to votecheck's."""
    talk = Console(stderr=True)
    chosen = only.split(",") if only else [NAME, *TOOLS]
    if unknown := [name for name in chosen if name not in {NAME, *TOOLS}]:
        talk.print(f"Unknown tool: {', '.join(unknown)}. Try: python -m tests.other_tools --help")
        raise typer.Exit(2)
    reports = list[Report]()
    for name in chosen:
        reports.append(own_report() if name == NAME else report(TOOLS[name]))
        talk.print(f"{name} {reports[-1].version}: {reports[-1].why or reports[-1].count()}", markup=False)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps({"machine": machine(), "tools": [asdict(one) for one in reports]}, indent=1) + "\n", encoding="utf-8")
    head, *body = rows(reports)
    table = Table(*head)
    for row in body:
        table.add_row(*(cell.replace("**", "") for cell in row))
    Console().print(table)
    if written:
        written.write_text(page(reports), encoding="utf-8")
    raise typer.Exit(int(any(one.outcome(i) != Outcome.REPORTED for one in reports if one.name == NAME for i in ORIGINAL)))


if __name__ == "__main__":
    run_as_command(lambda: typer.run(main))
