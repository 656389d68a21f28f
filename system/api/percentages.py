"""Percentages that add up to exactly 100."""

from collections.abc import Sequence

WHOLE = 10_000
"""100.00 %, in hundredths of a percent."""


def percentages(counts: Sequence[int]) -> list[float]:
    """Return each count's share of the total in percent, with two decimals. They sum to exactly 100.00, or are all 0 without votes.

    Largest remainder method: round every share down, then add 0.01 to the shares that lost most; the first of equals wins.
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
