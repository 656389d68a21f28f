"""What a run says about the claims of the documents."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from validation.record.results import CheckpointResult, Verdict
from validation.record.verdicts import Run
from validation.registry.claims import LOAD, TEST, UNPROVEN, Claim, Document, Observation, documents
from validation.report.text import counted


class Standing(StrEnum):
    """What became of a claim in a run."""

    HELD = "HELD"
    """Every checkpoint that could contradict it passed."""
    CONTRADICTED = "CONTRADICTED"
    """One of its observations was wrong."""
    NOT_OBSERVED = "NOT OBSERVED"
    """Not every checkpoint that could contradict it ran and passed, or only tests or a load run could."""
    UNPROVEN = UNPROVEN
    """Nothing could contradict it, or nothing shows that it could."""


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """One claim, and what became of it."""

    claim: Claim
    standing: Standing


@dataclass(frozen=True, slots=True)
class DocumentClaims:
    """The claims of one kind of document."""

    name: str
    results: tuple[ClaimResult, ...]

    def count(self, standing: Standing) -> int:
        """Return the number of its claims with a standing."""
        return sum(one.standing is standing for one in self.results)


def of_run(run: Run) -> tuple[DocumentClaims, ...]:
    """Return every claim with what became of it in a run, by kind of document."""
    return tuple(_of_document(name, document, run) for name, document in documents().items())


def with_standing(run: Run, standing: Standing) -> tuple[Claim, ...]:
    """Return the claims that a run leaves with a standing, in order."""
    return tuple(one.claim for document in of_run(run) for one in document.results if one.standing is standing)


def tally(run: Run) -> str:
    """Return how many claims there are, and what became of them in a run, in one sentence."""
    found = of_run(run)
    counts = {standing: sum(document.count(standing) for document in found) for standing in Standing}
    total = sum(counts.values())
    return (
        f"{counted(total, 'claim')} in the documents: {counts[Standing.HELD]} held, {counts[Standing.CONTRADICTED]} contradicted, "
        f"{counts[Standing.NOT_OBSERVED]} not observed here, {counts[Standing.UNPROVEN]} {UNPROVEN}."
    )


def _of_document(name: str, document: Document, run: Run) -> DocumentClaims:
    ran = {result.checkpoint.id: result for result in run.results}
    return DocumentClaims(name, tuple(ClaimResult(claim, _standing(claim, ran)) for claim in document.claim))


def _standing(claim: Claim, ran: dict[str, CheckpointResult]) -> Standing:
    if any(_is_wrong(one, ran.get(one.by)) for one in claim.observations):
        return Standing.CONTRADICTED
    if claim.unproven:
        return Standing.UNPROVEN
    return Standing.HELD if _all_passed(claim.observations, ran) else Standing.NOT_OBSERVED


def _is_wrong(one: Observation, result: CheckpointResult | None) -> bool:
    return result is not None and any(
        one.is_step(wrong.step) and (not one.where or one.where in _named(scenario.name, scenario.template, *scenario.row.values()))
        for scenario in result.scenarios
        for wrong in scenario.wrong
    )


def _named(*texts: str) -> frozenset[str]:
    return frozenset(texts)


def _all_passed(observations: Iterable[Observation], ran: dict[str, CheckpointResult]) -> bool:
    by = {one.by for one in observations} - {TEST, LOAD}
    return bool(by) and all(one in ran and ran[one].verdict is Verdict.PASSED for one in by)
