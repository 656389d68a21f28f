"""Whether something grows with work: a robust line through measured points, with its confidence.

Theil and Sen: the slope is the median of the slopes between all pairs of points, and Kendall's statistic bounds it. One odd point, or one
step up that happens once, moves neither much. A least-squares line through memory would follow both.
"""

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from validation.core.errors import ProbeError

POINTS_MIN = 6
"""With fewer points the interval of 95 % covers every slope, and nothing could ever be said to grow."""
NORMAL_95 = statistics.NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Trend:
    """How a value changes with each unit of work.

    Attributes:
        slope: the median slope.
        low: lower end of its 95 % confidence interval.
        high: upper end.
        points: the number of measured points.
    """

    slope: float
    low: float
    high: float
    points: int

    def exceeds(self, limit: float) -> bool:
        """Return whether the value surely grows by more than `limit` with each unit of work."""
        return self.low > limit

    def __str__(self) -> str:
        """Return the slope and its interval."""
        return f"{self.slope:.4g} ({self.low:.4g} to {self.high:.4g}, {self.points} points)"


def trend(work: Sequence[float], values: Sequence[float]) -> Trend:
    """Fit a line through the points.

    Args:
        work: the work done so far at each point, strictly increasing.
        values: the value measured at each point.

    Raises:
        ProbeError: too few points, or the work does not increase.
    """
    points = len(work)
    if points != len(values) or points < POINTS_MIN:
        raise ProbeError(
            f"{points} amounts of work and {len(values)} values: a line needs {POINTS_MIN} points.", "the measurement ended early"
        )
    if any(later <= earlier for earlier, later in itertools.pairwise(work)):
        raise ProbeError(f"The work did not increase: {list(work)}.", "nothing was done between two points")
    pairs = itertools.combinations(zip(work, values, strict=True), 2)
    slopes = sorted((last - first) / (after - before) for (before, first), (after, last) in pairs)
    half = NORMAL_95 * math.sqrt(points * (points - 1) * (2 * points + 5) / 18)
    lowest = max(0, math.floor((len(slopes) - half) / 2))
    return Trend(statistics.median(slopes), slopes[lowest], slopes[-1 - lowest], points)
