"""Shift the wall clock of the Python program that runs this, as a step of NTP does. Needs the standard library alone.

Monotonic clocks never step, and libraries in C and Rust read the kernel's clock.
"""

import datetime as dt
import time
from collections.abc import Callable
from typing import Any


def shift(ahead: Callable[[], float]) -> None:
    """Make the wall clock differ from now on.

    Args:
        ahead: returns by how many seconds it is ahead, and may return another number each time.
    """
    real, real_ns, datetimes = time.time, time.time_ns, dt.datetime

    class AnyDatetime(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, datetimes)

    class Datetime(datetimes, metaclass=AnyDatetime):  # type: ignore[valid-type, misc] # a class of the library
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetimes.fromtimestamp(time.time(), tz)

        @classmethod
        def utcnow(cls) -> Any:
            return datetimes.fromtimestamp(time.time(), dt.UTC).replace(tzinfo=None)

    time.time = lambda: real() + ahead()
    time.time_ns = lambda: real_ns() + round(ahead() * 1_000_000_000)
    dt.datetime = Datetime  # type: ignore[misc] # every module imported from now on finds this one
