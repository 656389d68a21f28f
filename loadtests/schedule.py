"""Computes when a user's requests are due. Nothing here imports Locust."""

import random
from collections import deque
from collections.abc import Callable
from itertools import count


class Schedule:
    """The arrivals of one user: one per slot of 1 / rate seconds, at a random time within it.

    Over any period, a user's number of arrivals matches its rate within two, and the arrivals of many users combined look random.
    With Poisson arrivals per user, the total itself would vary, by 0.4 % of 60 000, and requests would more often be due while the user
    still waits for the previous response. Evenly spaced arrivals would repeat one pattern throughout a run, and another in the next.

    Args:
        rate: arrivals per second.
        start: start of the first slot, in seconds since the epoch.
        uniform: returns random numbers from 0 up to but excluding 1.

    Raises:
        ValueError: the rate is not above 0.
    """

    def __init__(self, rate: float, start: float, uniform: Callable[[], float] = random.random) -> None:
        if rate <= 0:
            raise ValueError(f"the rate per user must be above 0, not {rate:g}")
        self._moments = (start + (slot + uniform()) / rate for slot in count())
        self._ahead: deque[float] = deque()
        self._taken = self._sent = 0
        self._last = start

    def next(self) -> float:
        """Return when the next request is due, in seconds since the epoch, independent of the time of this call."""
        self._last = self._ahead.popleft() if self._ahead else next(self._moments)
        self._taken += 1
        return self._last

    def sent(self) -> None:
        """Note that the last request taken is sent."""
        self._sent = self._taken

    def planned(self, until: float) -> int:
        """Return how many requests were due until then, taken or not. At most one later request may have been taken; if sent, it counts.

        A user sends a later request if it was already waiting for it when the run was stopped, and is itself stopped only afterwards.
        """
        while not self._ahead or self._ahead[-1] <= until:
            self._ahead.append(next(self._moments))
        return max(self._sent, self._taken - (self._last > until) + sum(moment <= until for moment in self._ahead))
