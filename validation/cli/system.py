"""The commands that start or build the system: `votecheck up` and `images`."""

from typing import Annotated

import typer

from validation.cli.console import print_data, print_json, print_message
from validation.cli.options import TARGET, Json, Source
from validation.core.settings import PROJECT, RunSettings
from validation.record.run_ids import new_run_id

COMMAND_SHOWN = 90


def up(port: Annotated[int, typer.Option(min=1, max=65535, metavar="NUMBER", help="Port of the API on 127.0.0.1.")] = 8000) -> None:
    """Start the voting system on this machine for manual use, until Ctrl-C."""
    from validation.cli.up import serve  # noqa: PLC0415 - `list` needs no servers

    serve(RunSettings(run=new_run_id()), port)


def images(
    source: Source = PROJECT,
    tag: Annotated[
        str, typer.Option(metavar="TAG", help="Tag of both images (default: the released version of each).", rich_help_panel=TARGET)
    ] = "",
    json: Json = False,
) -> None:
    """Build both images with the first container engine that answers: podman, docker or buildah."""
    from validation.images import engines  # noqa: PLC0415 - `list` needs no engine
    from validation.images.build import build_all  # noqa: PLC0415

    engine = engines.answering(engines.BUILDERS)
    print_message(f"Building with {engine.name}. Without a cache this takes about a minute.")
    every = build_all(engine, source.resolve(), tag)
    if json:
        print_json(list(every))
        return
    for built in every:
        lines = [
            f"{built.reference}  {built.size / 1e6:.0f} MB, {built.seconds:.1f} s",
            f"  image   {built.digest}",
            f"  source  {built.source_digest}",
            *(f"  layer   {layer.size:>8}  {layer.made_by[:COMMAND_SHOWN]}" for layer in built.layers),
        ]
        print_data("\n".join(lines))
