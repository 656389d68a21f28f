"""Annotations of a load run: its broken and unproven limits. None of them is about a file."""

from collections.abc import Iterator

from validation.load.report.text import margin, worst_first
from validation.load.result import LoadResult
from validation.report.formats.annotations import Annotation


def of_load(result: LoadResult) -> Iterator[Annotation]:
    """Yield each broken limit as an error and each unproven one as a warning, broken ones first."""
    for check in worst_first(result.checks):
        if not check.held:
            level, word = ("warning", "Not proven") if check.held is None else ("error", "Limit broken")
            observed = f"limit {check.limit}, observed {check.seen}" + (f" ({margin(check)})" if margin(check) else "")
            lines = [observed, check.reason, result.command]
            yield Annotation(level, f"{word} in load {result.scenario}: {check.what}", "\n".join(line for line in lines if line))
