"""The command `votecheck defects mutate`."""

import secrets
from collections import Counter
from contextlib import closing
from typing import Annotated

import typer
from rich.console import Console

from validation.core.errors import UsageError
from validation.core.interruption import sigterm_interrupts
from validation.defects.mutants.trial import Fate, accepted, key, sample, try_all
from validation.pytest_plugin.execution import Interrupted

talk = Console(stderr=True)


def mutate(
    count: Annotated[int, typer.Option("--sample", min=1, max=10_000, help="how many mutants to draw")] = 20,
    seed: Annotated[int | None, typer.Option(min=0, help="draws the same mutants again; a run prints its seed")] = None,
    only: Annotated[
        str, typer.Option("--file", help="only those of this file, or of files whose paths begin so: system/consumer/, chart/")
    ] = "",
) -> None:
    """Change system and chart mechanically, and see whether the protocol notices: exit 1 where it does not, and nobody has said why."""
    chosen_seed = secrets.randbelow(10**9) if seed is None else seed
    mutants = sample(count, chosen_seed, only)
    if not mutants:
        raise UsageError(f"There is no mutant in {only}.", "it is no file of the system", "votecheck defects mutate --file system/api/")
    talk.print(f"{len(mutants)} mutants, drawn with --seed {chosen_seed}. First the unchanged system, which must not be red.")
    fates: Counter[Fate] = Counter()
    unknown, reasons = 0, accepted()
    try:
        with sigterm_interrupts(), closing(try_all(mutants)) as judged:  # ends what runs when we are interrupted here
            for one in judged:
                fates[one.fate] += 1
                reason = reasons.get(key(one.mutant), "") if one.fate is Fate.SURVIVED else ""
                unknown += one.fate is Fate.SURVIVED and not reason
                _tell(f"{one.fate.value:9} {one.mutant}. {one.detail or reason}".rstrip())
    except KeyboardInterrupt:
        raise Interrupted from None
    caught, stopped, survived = (fates[fate] for fate in (Fate.CAUGHT, Fate.STOPPED, Fate.SURVIVED))
    _tell(f"{caught} of {len(mutants)} caught, {stopped} stopped without a finding, {survived} survived ({survived - unknown} accepted)")
    raise typer.Exit(1 if unknown else 0)


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - data goes to stdout
