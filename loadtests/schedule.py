"""When a user's requests are due. Nothing here imports Locust."""

import random
from collections import deque
from collections.abc import Callable
from itertools import count


class Schedule:
    """The arrivals of one user: one in each slot of 1 / rate seconds, at a random moment in it.

    Over any time a user has as many arrivals as its rate says, give or take two; those of many users together come as at random.
    Poisson arrivals of each would let the number itself vary, by 0.4 % of 60 000, and would more often want a request of a user who still
    waits for the last answer. Evenly spaced ones would repeat one pattern throughout a run, and another in the next.

    Args:
        rate: arrivals a second.
        begin: the begin of the first slot, in seconds since the epoch.
        uniform: gives random numbers from 0 to below 1.

    Raises:
        ValueError: no arrivals.
    """

    def __init__(self, rate: float, begin: float, uniform: Callable[[], float] = random.random) -> None:
        if rate <= 0:
            raise ValueError(f"the rate of a user must be above 0, and is {rate:g}")
        self._moments = (begin + (slot + uniform()) / rate for slot in count())
        self._ahead: deque[float] = deque()
        self._taken = 0
        self._last = begin

    def next(self) -> float:
        """Give the next moment that a request is due, in seconds since the epoch; it does not depend on when this is asked."""
        self._last = self._ahead.popleft() if self._ahead else next(self._moments)
        self._taken += 1
        return self._last

    def planned(self, until: float) -> int:
        """Tell how many requests were due up to a moment, taken or not; no more than one beyond it may be taken."""
        while not self._ahead or self._ahead[-1] <= until:
            self._ahead.append(next(self._moments))
        return self._taken - (self._last > until) + sum(moment <= until for moment in self._ahead)
