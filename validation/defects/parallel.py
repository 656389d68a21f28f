"""Jobs at the same time, of which nothing is left when somebody ends the command: no process, no folder."""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import TypeVar

import psutil

from validation.targets import cleanup

T = TypeVar("T")
GRACE_SECONDS = 6.0
"""A terminal sends Ctrl-C to the runs, too. To be told twice would cut their cleaning up."""
PATIENCE_SECONDS = 60.0


@contextmanager
def jobs(work: Sequence[Callable[[], T]], at_once: int) -> Iterator[list[Future[T]]]:
    """Do work in threads, each of which may start processes; gives what will have become of it. At the end of the block no other begins.

    Raises:
        KeyboardInterrupt: somebody ended the command, after every process that the work had started was ended.
    """
    with ThreadPoolExecutor(at_once) as pool:
        coming = [pool.submit(one) for one in work]
        try:
            yield coming
        except BaseException:
            _end(coming)
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _end(coming: Sequence[Future[T]]) -> None:
    """End what the threads have started, until each of them is through: one may just be about to start its run."""
    # This has an end of its own. The signals are not ignored but answered with nothing: what is ignored, a new process ignores, too.
    heard = [(number, signal.signal(number, lambda *_: None)) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        for future in coming:
            future.cancel()
        since: dict[psutil.Process, float] = {}
        told = set[psutil.Process]()
        while not all(future.done() for future in coming):
            for child in psutil.Process().children():
                age = time.monotonic() - since.setdefault(child, time.monotonic())
                with suppress(psutil.NoSuchProcess):
                    if age > PATIENCE_SECONDS:
                        child.kill()
                    elif age > GRACE_SECONDS and child not in told:
                        told.add(child)
                        child.terminate()
            wait(coming, timeout=0.2)
            if any(time.monotonic() - first > PATIENCE_SECONDS for first in since.values()):
                cleanup.reap()  # a run that was killed has left its servers, and they hold the pipes that its thread reads from
        cleanup.reap()
    finally:
        for number, handler in heard:
            signal.signal(number, handler)
