"""The shipped proofs, `proofs.jsonl`: when each seeded defect was caught, by what finding, and what that result rests on.

A line holds as long as nothing that it rests on has changed; then it is stale, and `votecheck defects run --stale` renews it.
"""

import re
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from validation.core.errors import HarnessError
from validation.core.files import write_whole
from validation.core.settings import PROJECT
from validation.defects.catalogue import Defect, catalogue
from validation.defects.proof_inputs import digests
from validation.defects.proving.bench import HERE, Bench
from validation.defects.proving.proof import Outcome
from validation.defects.results import Proof
from validation.record.events import KnownProof

PROOFS = "validation/defects/proofs.jsonl"
IN_CLUSTER = "cluster"
_OF_A_HOME = re.compile(r"/(?:root|home|Users)/[^\s:'\",)]*")


class Shipped(msgspec.Struct, frozen=True):
    """One proof.

    Attributes:
        bench: where the defect was caught: `here` or `cluster`.
        checkpoints: those that caught it; none if tests or a load run did.
        finding: the first finding.
        at: when, in UTC.
        digests: of what it rests on, by part; see `proof_inputs`.
    """

    defect: str
    bench: str
    checkpoints: list[str]
    finding: str
    at: str
    digests: dict[str, str]


def read(file: Path = PROJECT / PROOFS) -> list[Shipped]:
    """Return the shipped proofs in their order.

    Raises:
        HarnessError: a line cannot be read.
    """
    decoder = msgspec.json.Decoder(Shipped)
    try:
        return [decoder.decode(line) for line in file.read_bytes().splitlines()]
    except (OSError, msgspec.DecodeError) as error:
        raise HarnessError(
            f"The shipped proofs in {PROOFS} cannot be read: {error}", "a merge that left both sides in it", f"git checkout {PROOFS}"
        ) from error


def is_stale(proof: Shipped) -> bool:
    """Return whether anything that a proof rests on has changed since, or its defect is gone."""
    defect = catalogue().get(proof.defect)
    return defect is None or digests(defect, _bench(proof.bench)) != proof.digests


def without_proof(defects: Iterable[Defect], bench: Bench, shipped: Iterable[Shipped]) -> list[Defect]:
    """Return those defects that no shipped proof for a bench holds for."""
    known = {one.defect: one for one in shipped if one.bench == _name(bench)}
    return [one for one in defects if one.id not in known or is_stale(known[one.id])]


def renew(proof: Proof, bench: Bench, file: Path = PROJECT / PROOFS) -> None:
    """Write the result of a proof to the file: one that was caught replaces its line, and one that survived loses it.

    A result without a digest belongs to no single state of the source, and changes nothing.

    Raises:
        OSError: the file cannot be written; it is then unchanged.
    """
    lines = {(one.defect, one.bench): one for one in read(file) if one.defect in catalogue()}
    key = (proof.defect, _name(bench))
    if proof.outcome == Outcome.CAUGHT and proof.digest:
        parts = digests(catalogue()[proof.defect], bench)
        lines[key] = Shipped(*key, proof.failed, _without_places(" ".join(proof.detail.split())), proof.at, parts)
    elif proof.outcome == Outcome.SURVIVED:
        lines.pop(key, None)
    ordered = [lines[key] for key in sorted(lines, key=lambda key: (int(key[0][1:]), key[1]))]
    write_whole(file, b"".join(msgspec.json.encode(one) + b"\n" for one in ordered))


def known(scope: Collection[str], shipped: Sequence[Shipped]) -> list[KnownProof]:
    """Return the proofs of the checkpoints in scope, each with the title of its defect and whether it is stale."""
    entries: Mapping[str, Defect] = catalogue()
    return [
        KnownProof(one.defect, entries[one.defect].title, one.checkpoints, one.finding, one.at, is_stale(one))
        for one in shipped
        if one.defect in entries and not set(one.checkpoints).isdisjoint(scope)
    ]


def _without_places(finding: str) -> str:
    """Return a finding without the folders of the machine that made it."""
    temporary = re.escape(tempfile.gettempdir())
    named = re.sub(rf"{temporary}/[^\s:'\",)]+", "(a temporary file)", finding.replace(str(PROJECT), "."))
    return _OF_A_HOME.sub("(a folder of a user)", named)


def _bench(name: str) -> Bench:
    return Bench(()) if name == IN_CLUSTER else HERE


def _name(bench: Bench) -> str:
    """Return the name of a bench without the options that name a cluster."""
    return HERE.place if bench.cluster is None else IN_CLUSTER
