"""The commands that only look: `votecheck list`, `plan`, `explain` and `doctor`."""

from typing import Annotated

import typer

from validation.cli import doctor as machine
from validation.cli.console import print_data
from validation.cli.options import CheckpointIds, Phase, ProtocolOnly, TargetName
from validation.core.errors import UsageError
from validation.core.settings import RunSettings, known_target
from validation.defects import catalogue
from validation.record.verdicts import HARNESS_EXIT
from validation.registry.checkpoints import BEYOND, phases, select


def list_checkpoints(phase: Phase = None) -> None:
    """List the checkpoints."""
    for checkpoint in select(phase or ()):
        print_data(f"{checkpoint.id:4} {phases()[checkpoint.phase]:20} {checkpoint.title}")


def plan(phase: Phase = None, checkpoint: CheckpointIds = "", protocol_only: ProtocolOnly = False, target: TargetName = "local") -> None:
    """Show what a run would check, and what its target cannot prove."""
    shows = RunSettings(target=known_target(target)).shows
    for chosen in select(phase or (), checkpoint.split(","), beyond=not protocol_only):
        here = [n for n in chosen.needs if n in shows]
        how = f"checked at: {', '.join(here)}" if here else f"NOT PROVEN on this target; needs {' or '.join(chosen.needs)}"
        print_data(f"{chosen.id:4} {chosen.title:64} {how}")


def explain(checkpoint: Annotated[str, typer.Argument(metavar="ID", help="Id of a checkpoint, for example 5.1.")]) -> None:
    """Explain a checkpoint: what it proves, where it runs, and the seeded defects it must catch."""
    if not checkpoint.strip():
        raise UsageError("The id of the checkpoint is empty.", "", "votecheck list")
    (chosen,) = select(ids=[checkpoint])
    phase = "beyond the protocol" if chosen.phase == BEYOND else f"{chosen.phase}, {phases()[chosen.phase]}"
    lines = [
        f"{chosen.id}  {chosen.title}",
        "",
        chosen.proves,
        "",
        f"Phase:       {phase}",
        f"Checked at:  {', '.join(chosen.needs)}",
        *(["Origin:      reconstructed; the original protocol counts it and does not describe it"] if chosen.reconstructed else []),
        *(f"Catches:     {d.id} {d.title}" for d in catalogue.choose(()) if chosen.id in {*d.checkpoints, *d.cluster_checkpoints}),
        f"Run it:      votecheck run --checkpoint {chosen.id}",
    ]
    print_data("\n".join(lines))


def doctor() -> None:
    """Check that this machine has what votecheck needs, and say how to get what is missing.

    Exit code: 0 if the local target can run, else 3.
    """
    checks = machine.examine()
    for check in checks:
        print_data(f"{'ok  ' if check.good else 'no  ' if check.needed else '-   '} {check.what:28} {check.seen}")
    if any(check.needed and not check.good for check in checks):
        raise typer.Exit(HARNESS_EXIT)
