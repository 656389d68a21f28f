"""The commands that only look: `votecheck list`, `plan`, `explain` and `doctor`."""

from typing import Annotated, Any

import typer

from validation.cli import claim_list
from validation.cli import doctor as machine
from validation.cli.console import print_data, print_json
from validation.cli.options import FLAG, SCOPE, CheckpointIds, Json, Phase, ProtocolOnly, TargetName
from validation.core.errors import HARNESS_EXIT, UsageError
from validation.core.settings import PROJECT, RunSettings, known_target
from validation.defects import catalogue
from validation.registry.checkpoints import BEYOND, Checkpoint, phases, select


def list_checkpoints(
    phase: Phase = None,
    claims: Annotated[
        bool,
        typer.Option(
            "--claims",
            metavar=FLAG,
            help="List what the documents promise instead, and what could contradict each promise.",
            rich_help_panel=SCOPE,
        ),
    ] = False,
    json: Json = False,
) -> None:
    """List the checkpoints, or the claims of the documents."""
    if claims and phase:
        raise UsageError("--claims and --phase exclude each other: a claim belongs to a document.", "", "votecheck list --claims")
    if claims and json:
        print_json(claim_list.as_data())
    elif claims:
        print_data(claim_list.as_text())
    elif json:
        print_json([{"id": c.id, "phase": c.phase, "title": c.title, "needs": c.needs} for c in select(phase or ())])
    else:
        for checkpoint in select(phase or ()):
            print_data(f"{checkpoint.id:4} {phases()[checkpoint.phase]:20} {checkpoint.title}")


def plan(
    phase: Phase = None,
    checkpoint: CheckpointIds = "",
    protocol_only: ProtocolOnly = False,
    target: TargetName = "local",
    json: Json = False,
) -> None:
    """Show what a run would check, and what its target cannot prove."""
    shows = RunSettings(target=known_target(target)).shows
    planned = [
        (chosen, [n for n in chosen.needs if n in shows]) for chosen in select(phase or (), checkpoint.split(","), beyond=not protocol_only)
    ]
    if json:
        print_json([{"id": c.id, "title": c.title, "needs": c.needs, "checked_at": here} for c, here in planned])
        return
    for chosen, here in planned:
        how = f"checked at: {', '.join(here)}" if here else f"NOT PROVEN on this target; needs {' or '.join(chosen.needs)}"
        print_data(f"{chosen.id:4} {chosen.title:64} {how}")


def explain(
    checkpoint: Annotated[str, typer.Argument(metavar="ID", help="Id of a checkpoint, for example 5.1.")], json: Json = False
) -> None:
    """Explain a checkpoint: what it proves, where it runs, and the seeded defects it must catch."""
    if not checkpoint.strip():
        raise UsageError("The id of the checkpoint is empty.", "", "votecheck list")
    (chosen,) = select(ids=[checkpoint])
    defects = [d for d in catalogue.choose(()) if chosen.id in {*d.checkpoints, *d.cluster_checkpoints}]
    if json:
        print_json(_as_data(chosen, defects))
        return
    phase = "beyond the protocol" if chosen.phase == BEYOND else f"{chosen.phase}, {phases()[chosen.phase]}"
    lines = [
        f"{chosen.id}  {chosen.title}",
        "",
        chosen.proves,
        "",
        f"Phase:       {phase}",
        f"Checked at:  {', '.join(chosen.needs)}",
        *(["Origin:      reconstructed; the original protocol counts it and does not describe it"] if chosen.reconstructed else []),
        *(f"Catches:     {d.id} {d.title}" for d in defects),
        *(f"Scenario:    {name}" for name in _scenarios(chosen)),
        f"Run it:      votecheck run --checkpoint {chosen.id}",
    ]
    print_data("\n".join(lines))


def _as_data(checkpoint: Checkpoint, defects: list[catalogue.Defect]) -> dict[str, Any]:
    return {
        "id": checkpoint.id,
        "title": checkpoint.title,
        "proves": checkpoint.proves,
        "phase": checkpoint.phase,
        "needs": checkpoint.needs,
        "reconstructed": checkpoint.reconstructed,
        "defects": [{"id": one.id, "title": one.title} for one in defects],
        "scenarios": _scenarios(checkpoint),
    }


def _scenarios(checkpoint: Checkpoint) -> list[str]:
    from validation.probes.source import scenarios  # noqa: PLC0415 - the other commands need no parser of features

    return [one.name for one in scenarios.read(PROJECT) if checkpoint.mark in one.tags]


def doctor(json: Json = False) -> None:
    """Check that this machine has what votecheck needs, and say how to get what is missing.

    Exit code: 0 if the local target can run, else 3.
    """
    checks = machine.examine()
    ready = not any(check.needed and not check.good for check in checks)
    if json:
        print_json({"ready": ready, "checks": checks})
    for check in () if json else checks:
        print_data(f"{'ok  ' if check.good else 'no  ' if check.needed else '-   '} {check.what:28} {check.seen}")
    if not ready:
        raise typer.Exit(HARNESS_EXIT)
