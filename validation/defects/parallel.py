"""Runs jobs at the same time. If the command is interrupted, no process and no folder is left."""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import TypeVar

import psutil

from validation.core.interruption import SIGNALS
from validation.targets import cleanup

T = TypeVar("T")
GRACE_SECONDS = 6.0
"""A terminal sends Ctrl-C to the runs as well. A second signal would cut their cleanup short."""
PATIENCE_SECONDS = 60.0


@contextmanager
def jobs(work: Sequence[Callable[[], T]], at_once: int) -> Iterator[list[Future[T]]]:
    """Run jobs in threads, each of which may start processes, and yield their futures. When the block ends, no further job starts.

    Raises:
        KeyboardInterrupt: the command was interrupted, and every process of the jobs has ended.
    """
    with ThreadPoolExecutor(at_once) as pool:
        futures = [pool.submit(one) for one in work]
        try:
            yield futures
        except BaseException:
            _stop(futures)
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _stop(futures: Sequence[Future[T]]) -> None:
    """Stop the child processes until every thread is done: a thread may just be about to start one."""
    # The signals get an empty handler. If they were ignored, new processes would inherit that and ignore them too.
    before = [(number, signal.signal(number, lambda *_: None)) for number in SIGNALS]
    try:
        for future in futures:
            future.cancel()
        since: dict[psutil.Process, float] = {}
        terminated = set[psutil.Process]()
        while not all(future.done() for future in futures):
            for child in psutil.Process().children():
                age = time.monotonic() - since.setdefault(child, time.monotonic())
                with suppress(psutil.NoSuchProcess):
                    if age > PATIENCE_SECONDS:
                        child.kill()
                    elif age > GRACE_SECONDS and child not in terminated:
                        terminated.add(child)
                        child.terminate()
            wait(futures, timeout=0.2)
            if any(time.monotonic() - first > PATIENCE_SECONDS for first in since.values()):
                cleanup.reap()  # the servers of a killed run still hold the pipes that its thread reads from
        cleanup.reap()
    finally:
        for number, handler in before:
            signal.signal(number, handler)
