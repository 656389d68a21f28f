"""Checks a body of results, from the route or from the event stream. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from validation.model.comparing import Compare, Differs

KIND = "results"
FIELDS, ROW_FIELDS = ["last_updated", "results", "total_votes"], ["count", "option", "percentage"]
HUNDREDTH = 0.01
CLOCK_SECONDS = 0.05
"""Allowed between two readings of the same clock, one before and one after it was rounded."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a body may show.

    Attributes:
        options: all options, in order.
        at_least: lower bounds of the counts, of some options.
        at_most: upper bounds of the counts.
        read_between: when the database may have been read, in epoch seconds by the clock of the API.
    """

    options: Sequence[str]
    at_least: Mapping[str, int]
    at_most: Mapping[str, int]
    read_between: tuple[float, float]

    def wrong(self, option: str, count: object) -> str:
        """Return how a count breaks its bounds; empty if it does not."""
        lowest, highest = self.at_least.get(option, 0), self.at_most[option]
        right = isinstance(count, int) and not isinstance(count, bool) and lowest <= count <= highest
        return "" if right else f"{option}: {lowest} to {highest} / {count}"


def counts_in(body: Any) -> dict[str, int]:
    """Return the counts of a body; empty if it has none."""
    rows = body.get("results") if isinstance(body, Mapping) else None
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) and sorted(row) == ROW_FIELDS for row in rows):
        return {}
    return {str(row["option"]): row["count"] for row in rows}


def check(compare: Compare, body: Any, bounds: Bounds, where: str) -> dict[str, int]:
    """Compare a body with its bounds, and return its counts.

    Raises:
        Differs: it is wrong.
    """
    counts = counts_in(body)
    if not counts or sorted(body) != FIELDS:
        raise Differs(f"fields of {where}", f"{', '.join(FIELDS)}; of each option {', '.join(ROW_FIELDS)}", str(body)[:300])
    rows = body["results"]
    compare(KIND, f"options in {where}", list(bounds.options), [row["option"] for row in rows], evidence=body)
    wrong = ", ".join(filter(None, (bounds.wrong(option, count) for option, count in counts.items())))
    compare(KIND, f"counts in {where} that cannot be (model / answer)", "", wrong, evidence=body)
    total = sum(counts.values())
    compare(KIND, f"total_votes in {where}", total, body["total_votes"], evidence=body)
    shares = [row["percentage"] for row in rows]
    compare(KIND, f"sum of the percentages in {where}, in hundredths", 10_000 if total else 0, round(sum(shares) * 100), evidence=body)
    far = [row["option"] for row in rows if abs(row["percentage"] - 100 * row["count"] / max(total, 1)) >= HUNDREDTH]
    compare(KIND, f"percentages in {where} that are not the share of their option", [], far, evidence=body)
    read = datetime.fromisoformat(body["last_updated"]).timestamp()
    earliest, latest = bounds.read_between
    compare(KIND, f"last_updated in {where}, in seconds after the earliest possible", f"0 to {latest - earliest:.2f}",
            f"{read - earliest:.2f}", holds=earliest - CLOCK_SECONDS <= read <= latest + CLOCK_SECONDS, evidence=body)  # fmt: skip
    return counts


def went_down(earlier: Mapping[str, int], later: Mapping[str, int]) -> list[str]:
    """Return the options whose count went down."""
    return [option for option, count in earlier.items() if later.get(option, 0) < count]
