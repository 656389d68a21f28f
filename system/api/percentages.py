"""Shares in percent that add up."""

from collections.abc import Sequence

WHOLE = 10_000
"""100.00 %, in hundredths of a percent."""


def percentages(counts: Sequence[int]) -> list[float]:
    """Give each count's share of their sum in percent, of two decimals that add up to exactly 100.00; all 0 without votes.

    Each share is rounded down, and what is missing goes to those that lost most (largest remainder; the first of equals).
    """
    total = sum(counts)
    if total == 0:
        return [0.0] * len(counts)
    shares = [divmod(count * WHOLE, total) for count in counts]
    hundredths = [share for share, _ in shares]
    by_loss = sorted(range(len(counts)), key=lambda index: -shares[index][1])
    for index in by_loss[: WHOLE - sum(hundredths)]:
        hundredths[index] += 1
    return [share / 100 for share in hundredths]
