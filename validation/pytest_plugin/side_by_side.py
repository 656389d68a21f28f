"""Runs the scenarios of a run in several processes side by side. Most of them wait most of the time, so that they share the processors.

One process holds the record. The others run their share of the scenarios, each with servers of its own, and send it their events.
"""

import dataclasses
import multiprocessing
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from msgspec import structs

from validation.core import environment, interruption
from validation.core.settings import RunSettings
from validation.pytest_plugin.worker import work
from validation.record.events import Event, EvidenceLimited, HarnessFailed, Measured, RunFinished
from validation.record.evidence import together
from validation.registry.durations import Share

END_SECONDS = 60
"""How long a process may take to end after its last event."""


@dataclass(slots=True)
class Worker:
    """A process with its share of the scenarios.

    Attributes:
        limited: what it could not keep in full so far.
        finished: whether it came to its end.
    """

    number: int
    process: BaseProcess
    events: Connection
    limited: EvidenceLimited = field(default_factory=lambda: EvidenceLimited(0, 0, 0))
    finished: bool = False


def run_side_by_side(project: Path, settings: RunSettings, marks: str, shares: Sequence[Share], emit: Callable[[Event], None]) -> None:
    """Run scenarios in one process for each share, and pass on their events as they happen.

    Args:
        project: the folder with `features/`.
        settings: the settings of the run.
        marks: pytest's expression for the checkpoints in scope.
        shares: which scenarios run in each process.
        emit: records an event.

    Raises:
        KeyboardInterrupt: by a signal, after every process has cleaned up and ended.
    """
    environment.count_as_one()
    workers = list[Worker]()
    events = Merged(emit)
    try:
        for number, share in enumerate(shares, 1):
            workers.append(_started(project, settings, marks, number, share))
        events.pass_on(workers)
    except KeyboardInterrupt:
        for worker in workers:
            worker.process.terminate()
        events.pass_on(workers)
        raise
    finally:
        for worker in workers:
            worker.process.join(END_SECONDS)
            if worker.process.exitcode is None:
                worker.process.kill()
                worker.process.join()
            worker.events.close()


def _started(project: Path, settings: RunSettings, marks: str, number: int, share: Share) -> Worker:
    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    own = dataclasses.replace(settings, run=f"{settings.run}-{number}", record_of=settings.run)
    process = context.Process(target=work, args=(project, own, marks, share, writer), name=f"votecheck-{number}")
    with interruption.blocked():  # until the new process can handle a signal
        process.start()
    writer.close()
    return Worker(number, process, reader)


class Merged:
    """The events of all processes as those of one run.

    Args:
        emit: records an event.
    """

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self._emit = emit
        self._errors = set[str]()
        self._measured = Counter[str]()

    def pass_on(self, workers: Sequence[Worker]) -> None:
        """Pass on the events of all processes until each has ended."""
        open_ones = {worker.events: worker for worker in workers if not worker.events.closed}
        while open_ones:
            for ready in wait(list(open_ones)):
                worker = open_ones[ready]  # type: ignore[index] # what it was given
                with interruption.Held():  # a signal must not come between half an event and the other, or between it and the record
                    try:
                        event = worker.events.recv()
                    except EOFError:
                        del open_ones[worker.events]
                        self._ended(worker)
                    else:
                        self._pass_on(worker, event, workers)

    def _pass_on(self, worker: Worker, event: Event, workers: Sequence[Worker]) -> None:
        if isinstance(event, RunFinished):
            worker.finished = True
        elif isinstance(event, HarnessFailed):
            if event.what not in self._errors:  # one interruption reaches every process
                self._errors.add(event.what)
                self._emit(event)
        elif isinstance(event, Measured):
            self._measured[event.name] += 1
            again = self._measured[event.name] > 1
            self._emit(structs.replace(event, name=f"{event.name}, process {worker.number}") if again else event)
        elif isinstance(event, EvidenceLimited):
            worker.limited = event
            self._emit(together([one.limited for one in workers]))
        else:
            self._emit(event)

    def _ended(self, worker: Worker) -> None:
        if not worker.finished:
            worker.process.join(END_SECONDS)
            what = f"Process {worker.number}, which ran a part of the scenarios, ended early, with exit code {worker.process.exitcode}."
            self._emit(HarnessFailed(what))
