"""Faults of a process: it is killed, shut down or frozen."""

import signal
from collections.abc import Callable, Iterator

from validation.faults.base import Fault
from validation.faults.environment import START_SECONDS, FaultEnvironment
from validation.targets.process import Child

KILLED, SHUT_DOWN, FROZEN = "is killed", "is shut down", "is frozen"
EXIT_SECONDS = 8.0
FROZEN_SERVER_SECONDS = 2.5
"""Longer than other faults: a frozen server is noticed only once its clients time out."""

PROCESSES: dict[str, Callable[[FaultEnvironment], Child]] = {
    "the API": lambda environment: environment.api.process,
    "consumer a": lambda environment: environment.consumers[0],
    "consumer b": lambda environment: environment.consumers[1],
    "Redis": lambda environment: environment.target.redis.require_managed(),
    "PostgreSQL": lambda environment: environment.target.database.require_managed(),
}
UNREADY = {"Redis": "redis", "PostgreSQL": "database"}


class ProcessFault(Fault):
    """A signal to one process.

    Args:
        name: the process, a key of `PROCESSES`.
        action: KILLED, SHUT_DOWN or FROZEN.
    """

    def __init__(self, name: str, action: str) -> None:
        self._process, self._action, self._pid = PROCESSES[name], action, 0
        self.unready = UNREADY.get(name, "")
        self.seconds = FROZEN_SERVER_SECONDS if name in UNREADY and action == FROZEN else 1.0

    def begin(self, environment: FaultEnvironment) -> None:
        """Send the signal."""
        child = self._process(environment)
        self._pid = child.pid
        if child is environment.api.process:
            environment.api_down = True
        if self._action == KILLED:
            child.kill()
        elif self._action == SHUT_DOWN:
            child.send(child.stop_signal if child.name in {"redis", "postgres"} else signal.SIGTERM)
        else:
            child.pause()

    def effect(self, environment: FaultEnvironment) -> str:
        """Return the exit code of the process, or that it is frozen."""
        child = self._process(environment)
        if self._action == FROZEN:
            return "frozen" if child.frozen else ""
        code = child.wait(within=EXIT_SECONDS).value
        expected = -signal.SIGKILL if self._action == KILLED else 0
        return f"process {self._pid} exited with {code}" if code == expected else ""

    def end(self, environment: FaultEnvironment) -> None:
        """Resume or restart the process."""
        child = self._process(environment)
        child.resume()
        if not child.alive:
            servers = {"redis": environment.target.redis, "postgres": environment.target.database}
            servers[child.name].start() if child.name in servers else child.start()
        if child is environment.api.process:
            environment.wait_for_api()
        elif child in environment.consumers and self._action != FROZEN:
            child.wait_for_event("consumer_group_exists", within=START_SECONDS)  # before that, a signal would meet no handler


def process_faults() -> Iterator[tuple[str, Fault]]:
    """Yield every process fault with its name."""
    for name in PROCESSES:
        for action in (KILLED, SHUT_DOWN, FROZEN):
            yield f"{name} {action}", ProcessFault(name, action)
