"""The last hop: from the ledger to the results. Results are sums, so it says how many votes are wrong there, and not which."""

from collections.abc import Mapping


def different_counts(counts: Mapping[str, int], rows: Mapping[str, int]) -> dict[str, str]:
    """Return each option whose count is not its number of rows in the ledger, with how many votes are where."""
    more = {option: counts.get(option, 0) - rows.get(option, 0) for option in sorted({*counts, *rows})}
    return {option: f"{counts.get(option, 0)} ({told(number)})" for option, number in more.items() if number}


def told(more: int) -> str:
    """Return where votes are, if a count is higher than its number of rows by this; if negative, it is lower."""
    votes = f"{abs(more)} vote{'' if abs(more) == 1 else 's'}"
    return f"in the results and not in the ledger: {votes}, counted twice" if more > 0 else f"last seen in the ledger: {votes}"
