"""Which defects of the catalogue to prove."""

from collections.abc import Iterable
from dataclasses import dataclass

from validation.core.errors import UsageError
from validation.defects import catalogue
from validation.defects.catalogue import Defect
from validation.defects.changes import affected, changes_since
from validation.defects.proving import Bench
from validation.registry.checkpoints import select

AGAIN = "votecheck defects list"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for. Each filter leaves out; an empty one leaves out nothing.

    Attributes:
        defects, layers, checkpoints: ids and names, any of which will do.
        since: a git ref; only what a change since then can affect.
    """

    defects: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()
    since: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The defects to prove, and what to tell of those that are left out."""

    defects: tuple[Defect, ...]
    told: tuple[str, ...] = ()


def split(given: Iterable[str] | None, option: str) -> tuple[str, ...]:
    """Give what an option names, which may be repeated and take commas.

    Args:
        given: the option's values; none: it was not given.
        option: its name, for the error.

    Raises:
        UsageError: it was given, and names nothing: that must not mean everything.
    """
    values = list(given or ())
    found = tuple(dict.fromkeys(word.strip() for value in values for word in value.split(",") if word.strip()))
    if values and not found:
        raise UsageError(f"{option} names nothing.", "an empty variable", AGAIN)
    return found


def choose(wanted: Wanted, bench: Bench) -> Chosen:
    """Choose the defects that were asked for and can be proven on a bench.

    Args:
        wanted: what was asked for.
        bench: where they will be proven; a defect that nothing there must see is left out.

    Raises:
        UsageError: there is no such defect, layer, checkpoint or ref; or none is left, and not because nothing has changed.
    """
    found = by_checkpoint(by_layer(catalogue.choose(wanted.defects), wanted.layers), wanted.checkpoints, bench)
    here = [one for one in found if bench.proves(one)]
    if not here:
        elsewhere = "on this machine" if bench.cluster is not None else "in a cluster"
        likely = f"proven {elsewhere} only: {', '.join(one.id for one in found)}" if found else "no defect has all that was asked for"
        raise UsageError("There is nothing to prove.", likely, AGAIN)
    if not wanted.since:
        return Chosen(tuple(here))
    changes = changes_since(wanted.since)
    why = affected(here, changes, bench)
    told = [f"{len(here) - len(why)} of {len(here)} left out: nothing that they rest on has changed since {wanted.since}."]
    for reason in dict.fromkeys(why.values()):
        ids = [identifier for identifier, because in why.items() if because == reason]
        told.append(f"{'all' if len(ids) == len(here) else ', '.join(ids)}: {reason}")
    return Chosen(tuple(one for one in here if one.id in why), tuple(told))


def by_layer(defects: Iterable[Defect], layers: tuple[str, ...]) -> list[Defect]:
    """Leave out the defects of other layers.

    Raises:
        UsageError: the catalogue has no such layer.
    """
    known = sorted({one.layer for one in catalogue.catalogue().values()})
    for layer in layers:
        if layer not in known:
            raise UsageError(f"There is no layer {layer}.", f"the catalogue has {', '.join(known)}", AGAIN)
    return [one for one in defects if not layers or one.layer in layers]


def by_checkpoint(defects: Iterable[Defect], ids: tuple[str, ...], bench: Bench) -> list[Defect]:
    """Leave out the defects that none of some checkpoints must see on a bench.

    Raises:
        UsageError: there is no such checkpoint.
    """
    wanted = {one.id for one in select(ids=ids)} if ids else set()
    return [one for one in defects if not wanted or wanted.intersection(bench.checkpoints(one))]
