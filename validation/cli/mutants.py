"""`votecheck defects mutate`."""

import secrets
from collections import Counter
from contextlib import closing
from typing import Annotated

import typer

from validation.cli.console import print_data, print_message
from validation.cli.options import SCOPE
from validation.core.errors import UsageError
from validation.core.interruption import Interrupted, sigterm_interrupts


def mutate(
    count: Annotated[
        int, typer.Option("--sample", min=1, max=10_000, metavar="NUMBER", help="Number of mutants to draw.", rich_help_panel=SCOPE)
    ] = 20,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="NUMBER", help="Seed of the draw (default: a new one, which the command prints).", rich_help_panel=SCOPE
        ),
    ] = None,
    prefix: Annotated[
        str,
        typer.Option(
            "--file", metavar="PATH", help="Only files whose path starts with this, for example system/api/.", rich_help_panel=SCOPE
        ),
    ] = "",
) -> None:
    """Make mechanical changes in copies of the system and the chart, and check that the protocol notices them.

    Exit code: 0 if every mutant was noticed or is an accepted survivor, 1 if not.
    """
    from validation.defects.mutants.trial import Fate, accepted, key, sample, try_all  # noqa: PLC0415 - `--help` needs no mutants

    chosen_seed = secrets.randbelow(10**9) if seed is None else seed
    mutants = sample(count, chosen_seed, prefix)
    if not mutants:
        raise UsageError(
            f"There are no mutants in {prefix}.", "it is outside system/ and chart/", "votecheck defects mutate --file system/api/"
        )
    print_message(f"{len(mutants)} mutants, drawn with --seed {chosen_seed}. The unchanged system is checked first.")
    fates: Counter[Fate] = Counter()
    unexplained, reasons = 0, accepted()
    try:
        with sigterm_interrupts(), closing(try_all(mutants)) as trials:  # stops running trials at an interruption
            for one in trials:
                fates[one.fate] += 1
                reason = reasons.get(key(one.mutant), "") if one.fate is Fate.SURVIVED else ""
                unexplained += one.fate is Fate.SURVIVED and not reason
                print_data(f"{one.fate.value:9} {one.mutant}. {one.detail or reason}".rstrip())
    except KeyboardInterrupt:
        raise Interrupted from None
    caught, stopped, survived = (fates[fate] for fate in (Fate.CAUGHT, Fate.STOPPED, Fate.SURVIVED))
    print_data(
        f"{caught} of {len(mutants)} caught, {stopped} stopped without a finding, {survived} survived ({survived - unexplained} accepted)"
    )
    raise typer.Exit(1 if unexplained else 0)
