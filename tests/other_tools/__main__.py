"""`python -m tests.other_tools`: ask every guest about the eleven original defects, print a table, write JSON, and the page when told to.

Exit codes: 0 asked, 1 our own checkpoints did not see all of them, 2 wrong usage. What a guest sees, or that it is not here, never decides.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tests.other_tools.document import machine, page, rows
from tests.other_tools.own_checkpoints import NAME, ours
from tests.other_tools.running_system import CALLERS
from tests.other_tools.static import READERS
from tests.other_tools.tool import ORIGINAL, Told, asked

GUESTS = {guest.name: guest for guest in (*READERS, *CALLERS)}


def main(
    only: Annotated[str, typer.Option(help=f"only these: {NAME},{','.join(GUESTS)}")] = "",
    output: Annotated[Path, typer.Option("--json", help="where what they said goes")] = Path("reports/guests.json"),
    written: Annotated[Path | None, typer.Option("--page", help="write the page to this file as well")] = None,
) -> None:
    """Ask other tools about the eleven original defects, and print what they see beside what we see."""
    talk = Console(stderr=True)
    chosen = only.split(",") if only else [NAME, *GUESTS]
    if unknown := [name for name in chosen if name not in {NAME, *GUESTS}]:
        talk.print(f"There is no guest {', '.join(unknown)}. Next: python -m tests.other_tools --help")
        raise typer.Exit(2)
    told = list[Told]()
    for name in chosen:
        told.append(ours() if name == NAME else asked(GUESTS[name]))
        talk.print(f"{name} {told[-1].version}: {told[-1].why or told[-1].count()}", markup=False)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps({"machine": machine(), "guests": [asdict(one) for one in told]}, indent=1) + "\n", encoding="utf-8")
    head, *body = rows(told)
    table = Table(*head)
    for row in body:
        table.add_row(*(cell.replace("**", "") for cell in row))
    Console().print(table)
    if written:
        written.write_text(page(told), encoding="utf-8")
    raise typer.Exit(int(any(one.word(i) != "sees" for one in told if one.name == NAME for i in ORIGINAL)))


if __name__ == "__main__":
    typer.run(main)
