"""The commands of `votecheck defects`."""

from typing import Annotated

import typer
from rich.console import Console

from validation import defects as catalogue
from validation.checkpoints import select
from validation.errors import HarnessError

defects_app = typer.Typer(help="The proof that the judge can say no.", no_args_is_help=True)
talk = Console(stderr=True)


@defects_app.command(name="list")
def defects_list(checkpoint: Annotated[str, typer.Option(help="only those that these must see: 5.1,6.3")] = "") -> None:
    """List the defects of the catalogue, and the checkpoints that must see them."""
    wanted = {c.id for c in select(ids=checkpoint.split(","))} if checkpoint else None
    for defect in catalogue.choose(()):
        if wanted is None or wanted & set(defect.checkpoints):
            print(f"{defect.id:4} {defect.layer:10} {', '.join(defect.checkpoints):10} {defect.title}")  # noqa: T201 - data goes to stdout


@defects_app.command(name="run")
def defects_run(defect: Annotated[str, typer.Option("--defect", help="only these: D3,D4")] = "") -> None:
    """Plant each defect in a copy of the system and see its checkpoints turn red."""
    chosen = catalogue.choose(defect.split(","))
    talk.print("First the unchanged system, which must be green.")
    if not_green := catalogue.baseline(chosen):
        raise HarnessError("The unchanged system is not green: " + "; ".join(not_green), "a fault of the system", "votecheck run")
    results = []
    for one in chosen:
        results.append(catalogue.prove(one))
        print(f"{one.id:4} {results[-1].catch.value:12} {one.title}. {results[-1].said}", flush=True)  # noqa: T201 - data goes to stdout
    caught = sum(r.catch is catalogue.Catch.CAUGHT for r in results)
    print(f"{caught} of {len(results)} caught")  # noqa: T201 - data goes to stdout
    raise typer.Exit(0 if caught == len(results) else 1)
