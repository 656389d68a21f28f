"""The defects of the catalogue that a command asks for."""

from collections.abc import Iterable
from dataclasses import dataclass

from validation.core.errors import UsageError
from validation.defects import catalogue, proofs
from validation.defects.catalogue import Defect
from validation.defects.changes import affected, changes_since
from validation.defects.proofs import without_proof
from validation.defects.proving.bench import Bench
from validation.registry.checkpoints import select

LIST = "votecheck defects list"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a command asks for. An empty filter leaves nothing out; filters are combined with AND.

    Attributes:
        defects, layers, checkpoints: ids and names; a defect must match one of each.
        since: a git ref; only defects that a change since then can affect.
        stale: only defects without a shipped proof that holds.
    """

    defects: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()
    since: str = ""
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """The defects to prove, and notes about those that are left out."""

    defects: tuple[Defect, ...]
    notes: tuple[str, ...] = ()


def split(given: Iterable[str] | None, option: str) -> tuple[str, ...]:
    """Return the values of an option that may be repeated and takes commas.

    Args:
        given: the option's values; None: it was not given.
        option: its name, for the error.

    Raises:
        UsageError: it was given without a value, which must not mean everything.
    """
    values = list(given or ())
    found = tuple(dict.fromkeys(word.strip() for value in values for word in value.split(",") if word.strip()))
    if values and not found:
        raise UsageError(f"{option} is empty.", "an unset variable", LIST)
    return found


def choose(wanted: Wanted, bench: Bench) -> Chosen:
    """Return the defects that were asked for and can be proven on a bench.

    Args:
        wanted: what was asked for.
        bench: where they will be proven; defects that nothing there must catch are left out.

    Raises:
        UsageError: a defect, layer, checkpoint or ref does not exist; or no defect is left, and not because nothing has changed.
    """
    found = by_checkpoint(by_layer(catalogue.choose(wanted.defects), wanted.layers), wanted.checkpoints, bench)
    here = [one for one in found if bench.proves(one)]
    if not here:
        elsewhere = "on this machine" if bench.cluster is not None else "in a cluster"
        likely = f"proven {elsewhere} only: {', '.join(one.id for one in found)}" if found else "no defect matches all filters"
        raise UsageError("There is nothing to prove.", likely, LIST)
    if wanted.stale and wanted.since:
        raise UsageError(
            "--stale and --since exclude each other: --stale compares with each proof itself.", "", "votecheck defects run --stale"
        )
    if wanted.stale:
        open_ = without_proof(here, bench, proofs.read())
        return Chosen(tuple(open_), (f"{len(here) - len(open_)} of {len(here)} left out: their proofs hold.",))
    if not wanted.since:
        return Chosen(tuple(here))
    changes = changes_since(wanted.since)
    why = affected(here, changes, bench)
    notes = [f"{len(here) - len(why)} of {len(here)} left out: nothing they depend on has changed since {wanted.since}."]
    for reason in dict.fromkeys(why.values()):
        ids = [identifier for identifier, because in why.items() if because == reason]
        notes.append(f"{'all' if len(ids) == len(here) else ', '.join(ids)}: {reason}")
    return Chosen(tuple(one for one in here if one.id in why), tuple(notes))


def by_layer(defects: Iterable[Defect], layers: tuple[str, ...]) -> list[Defect]:
    """Return the defects of the given layers; without layers, all of them.

    Raises:
        UsageError: the catalogue does not have a layer.
    """
    known = sorted({one.layer for one in catalogue.catalogue().values()})
    for layer in layers:
        if layer not in known:
            raise UsageError(f"There is no layer {layer}. Valid names: {', '.join(known)}.", "", LIST)
    return [one for one in defects if not layers or one.layer in layers]


def by_checkpoint(defects: Iterable[Defect], ids: tuple[str, ...], bench: Bench) -> list[Defect]:
    """Return the defects that one of the given checkpoints must catch on a bench; without checkpoints, all of them.

    Raises:
        UsageError: a checkpoint does not exist.
    """
    wanted = {one.id for one in select(ids=ids)} if ids else set()
    return [one for one in defects if not wanted or wanted.intersection(bench.checkpoints(one))]
