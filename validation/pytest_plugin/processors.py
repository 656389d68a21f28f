"""Watches how busy the processors are while a session runs, for the timeline of the report."""

import threading
import time

from validation.probes.running import host
from validation.record.events import ProcessorsUsed

EVERY_SECONDS = 1.0


class ProcessorWatch:
    """Looks at the processors once a second, from the start of this object to `end`."""

    def __init__(self) -> None:
        self._began = time.time()
        self._busy: list[float] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="processors", daemon=True)
        self._thread.start()

    def end(self) -> ProcessorsUsed:
        """Stop, and return what was seen."""
        self._ended.set()
        self._thread.join()
        return ProcessorsUsed(round(self._began, 3), EVERY_SECONDS, self._busy)

    def _look_on(self) -> None:
        last, due = host.look(lambda: None), time.monotonic()
        while True:
            due += EVERY_SECONDS
            if self._ended.wait(max(0.0, due - time.monotonic())):
                return
            now = host.look(lambda: None)
            use = host.between(last, now)
            self._busy.append(round(use.busy if use else 0.0, 2))
            last = now
