"""What `votecheck list --claims` prints."""

from typing import Any

from validation.registry.claims import Claim, claims, proven


def as_text() -> str:
    """Return every claim with its status, its sentence, and what could contradict it, and how many are proven."""
    every = claims().values()
    return "\n".join([*map(_entry, every), f"{proven(every)} of {len(every)} claims are proven."])


def as_data() -> list[dict[str, Any]]:
    """Return every claim as an object for JSON."""
    return [
        {
            "id": claim.id,
            "status": claim.status,
            "page": claim.page,
            "sentence": claim.sentence,
            "covers": claim.covers,
            "observed_by": claim.observed_by,
            "defects": claim.defects,
            "reason": claim.unproven,
        }
        for claim in claims().values()
    ]


def _entry(claim: Claim) -> str:
    lines = [f"{claim.id:14} {claim.status:8} {claim.sentence}", f"    {claim.page}"]
    lines += [f"    {one}" for one in claim.observed_by]
    lines += [f"    seeded: {', '.join(claim.defects)}"] * bool(claim.defects)
    lines += [f"    because: {claim.unproven}"] * bool(claim.unproven)
    return "\n".join(lines)
