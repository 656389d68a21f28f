"""What a probe says when Redis does not answer."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import redis

from validation.core.errors import ProbeError

P = ParamSpec("P")
T = TypeVar("T")


def reading(what: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return a decorator: an error of Redis in a function becomes a `ProbeError` that names what it was reading."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return function(*args, **kwargs)
            except (redis.RedisError, OSError) as error:
                raise ProbeError(f"Cannot read {what}: {error}.", "Redis is down") from error

        return call

    return decorate
