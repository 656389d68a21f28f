"""The commands of `votecheck defects`."""

from typing import Annotated

import typer
from rich.console import Console

from validation import defects as catalogue
from validation.checkpoints import select
from validation.errors import HarnessError, UsageError
from validation.proving import HERE, Bench, Catch, baseline, proving

defects_app = typer.Typer(help="The proof that the judge can say no.", no_args_is_help=True)
talk = Console(stderr=True)


@defects_app.command(name="list")
def defects_list(checkpoint: Annotated[str, typer.Option(help="only those that these must see: 5.1,6.3")] = "") -> None:
    """List the defects of the catalogue, and the checkpoints that must see them."""
    wanted = {c.id for c in select(ids=checkpoint.split(","))} if checkpoint else None
    for defect in catalogue.choose(()):
        if wanted is None or wanted & {*defect.checkpoints, *defect.live}:
            seen_by = ", ".join([*defect.checkpoints, *(f"{i} live" for i in defect.live), *(defect.load.broken if defect.load else ())])
            print(f"{defect.id:4} {defect.layer:10} {seen_by:22} {defect.title}")  # noqa: T201 - data goes to stdout


@defects_app.command(name="run")
def defects_run(
    defect: Annotated[str, typer.Option("--defect", help="only these: D3,D4")] = "",
    live: Annotated[bool, typer.Option("--live", help="in a cluster, those that must be seen there, one after the other")] = False,
    kubeconfig: Annotated[str, typer.Option(help="which clusters there are; without it what kubectl takes")] = "",
    context: Annotated[str, typer.Option(help="which of them")] = "",
    load_command: Annotated[str, typer.Option(help="brings images, its arguments, to the nodes; minikube and kind need none")] = "",
) -> None:
    """Plant each defect in a copy of the system and see its checkpoints turn red."""
    named = {"--kubeconfig": kubeconfig, "--context": context, "--load-command": load_command}
    options = tuple(word for name, value in named.items() if value for word in (name, value))
    if options and not live:
        raise UsageError(f"{options[0]} is about a cluster, and nothing here needs one.", "", "votecheck defects run --live")
    bench = Bench(options) if live else HERE
    chosen = [one for one in catalogue.choose(defect.split(",")) if bench.proves(one)]
    if not chosen:
        raise UsageError(f"{defect} is proven {'on this machine' if live else 'in a cluster'} only.", "", "votecheck defects list")
    talk.print("First the unchanged system, which must be green.")
    if not_green := baseline(chosen, bench):
        raise HarnessError("The unchanged system is not green: " + "; ".join(not_green), "a fault of the system", "votecheck run")
    caught = 0
    with proving(chosen, bench) as proofs:
        for proof in proofs.values():
            one = proof.result()
            caught += one.catch is Catch.CAUGHT
            print(f"{one.defect.id:4} {one.catch.value:12} {one.defect.title}. {one.said}", flush=True)  # noqa: T201 - data goes to stdout
    print(f"{caught} of {len(chosen)} caught")  # noqa: T201 - data goes to stdout
    raise typer.Exit(0 if caught == len(chosen) else 1)
