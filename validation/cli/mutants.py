"""`votecheck defects mutate`."""

import secrets
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from validation.cli.console import print_data, print_json, print_message
from validation.cli.options import FLAG, OUTPUT, SCOPE, Json, Reports, ShardOption
from validation.core import shards
from validation.core.commands import command
from validation.core.errors import UsageError
from validation.core.interruption import Interrupted


def mutate(  # noqa: PLR0913, PLR0917 - one parameter per option
    count: Annotated[
        int, typer.Option("--sample", min=1, max=10_000, metavar="NUMBER", help="Number of mutants to draw.", rich_help_panel=SCOPE)
    ] = 20,
    every: Annotated[bool, typer.Option("--all", metavar=FLAG, help="Try all mutants. Takes a night.", rich_help_panel=SCOPE)] = False,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="NUMBER", help="Seed of the draw (default: a new one, which the command prints).", rich_help_panel=SCOPE
        ),
    ] = None,
    prefix: Annotated[
        str,
        typer.Option(
            "--file",
            metavar="PATH",
            help="Only files whose path starts with this, for example system/api/. Those of validation/ run against its tests.",
            rich_help_panel=SCOPE,
        ),
    ] = "",
    shard: ShardOption = "",
    resume: Annotated[
        bool,
        typer.Option("--resume", metavar=FLAG, help="Reuse earlier results for the same mutant and source.", rich_help_panel=OUTPUT),
    ] = False,
    reports: Reports = Path("reports"),
    json: Json = False,
) -> None:
    """Make mechanical changes in copies of the system, the chart or the harness, and check that they are noticed.

    An interrupted run keeps the results that it has, in REPORTS/defects/mutants.jsonl. The score is in REPORTS/defects/mutants.md.

    Exit code: 0 if every mutant was noticed or is an accepted survivor, 1 if not.
    """
    from validation.defects.mutants import every as mutants  # noqa: PLC0415 - `--help` needs no mutants
    from validation.defects.mutants import results, score  # noqa: PLC0415
    from validation.defects.mutants.batch import try_all  # noqa: PLC0415
    from validation.defects.mutants.trial import Fate  # noqa: PLC0415
    from validation.defects.results import FOLDER  # noqa: PLC0415

    part = shards.parse(shard, "votecheck defects mutate --all --shard 2/8")
    chosen_seed = (0 if every else secrets.randbelow(10**9)) if seed is None else seed
    chosen = mutants.drawn(mutants.mutants(prefix), None if every else count, chosen_seed)
    if not chosen:
        raise UsageError(
            f"There are no mutants in {prefix}.",
            "it is outside system/, chart/ and validation/",
            "votecheck defects mutate --file system/api/",
        )
    chosen = mutants.in_shard(chosen, part) if part else chosen
    words = ["--all"] if every else ["--sample", str(count), "--seed", str(chosen_seed)]
    words += [word for option, value in (("--file", prefix), ("--shard", shard)) if value for word in (option, value)]
    print_message(f"{len(chosen)} mutants. The same again: {command('votecheck', 'defects', 'mutate', *words)}")
    file = reports.resolve() / FOLDER / results.RESULTS
    lines, accepted = list[results.Line](), results.Accepted()
    say = print_message if json else print_data
    try:
        with closing(try_all(chosen, file, print_message, resume=resume)) as tried:  # stops running trials at an interruption
            for line in tried:
                lines.append(line)
                shown = f"{line.file}:{line.line} {line.change}: {line.before} -> {line.after}"
                say(f"{line.fate:10} {line.seconds:4.0f} s  {' '.join(shown.split())[:200]}. {accepted.why(line) or line.detail}")
    except KeyboardInterrupt:
        again = [word for word in sys.argv[1:] if word != "--resume"]
        print_message(f"Results so far are in {file}. To continue: {command('votecheck', *again, '--resume')}")
        raise Interrupted from None
    (file.parent / "mutants.md").write_text(score.markdown(lines, accepted), encoding="utf-8")
    fates = Counter(line.fate for line in lines)
    reviewed = sum(bool(accepted.why(line)) for line in lines)
    say(f"{', '.join(f'{fates[fate]} {fate}' for fate in Fate)}; {reviewed} of the survivors accepted")
    if json:
        print_json({"fates": fates, "accepted": reviewed, "mutants": lines})
    print_message(f"Score: {file.parent / 'mutants.md'}")
    raise typer.Exit(1 if fates[Fate.SURVIVED] + fates[Fate.UNREACHED] > reviewed else 0)
