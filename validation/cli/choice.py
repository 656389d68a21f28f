"""What `votecheck run` is to run: the checkpoints and scenarios that its options choose."""

from collections.abc import Sequence

from validation.core.errors import UsageError
from validation.core.settings import PROJECT
from validation.registry.checkpoints import Checkpoint, registry, select


def in_scope(phase: Sequence[int], ids: str, words: Sequence[str], *, beyond: bool) -> tuple[tuple[Checkpoint, ...], tuple[str, ...]]:
    """Return the chosen checkpoints and the names of the chosen scenarios; no names: all scenarios of the checkpoints.

    Raises:
        UsageError: a checkpoint, phase or scenario does not exist, or a scenario belongs to none of the chosen checkpoints.
    """
    chosen = select(phase, ids.split(","), beyond=beyond)
    if not words:
        return chosen, ()
    from validation.probes.source import choice, scenarios  # noqa: PLC0415 - `--help` needs no parser of features

    written = scenarios.read(PROJECT)
    names = choice.resolve(words, written)
    of_names = {name: {c.id for one in choice.chosen([name], written) for c in registry().values() if c.mark in one.tags} for name in names}
    scope = tuple(c for c in chosen if any(c.id in ids for ids in of_names.values()))
    for name, belongs in of_names.items():
        if belongs.isdisjoint(c.id for c in scope):
            where = ",".join(sorted(belongs))
            raise UsageError(
                f"Scenario {name!r} belongs to {where}, which was not chosen.",
                "",
                f"votecheck run --checkpoint {where} --scenario {name!r}",
            )
    return scope, names


def selection(phase: Sequence[int], ids: str, names: Sequence[str], *, protocol_only: bool) -> tuple[str, ...]:
    """Return the options that choose the same again."""
    words = [word for number in phase for word in ("--phase", str(number))]
    words += ["--checkpoint", ids] if ids.strip() else []
    words += [word for name in names for word in ("--scenario", name)]
    return (*words, *(["--protocol-only"] if protocol_only else []))
