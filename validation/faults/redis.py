"""Faults inside Redis."""

import threading
import time
from collections.abc import Iterator

from validation.core import protocol
from validation.core.errors import ProbeError
from validation.core.waiting import consistently, eventually
from validation.faults.base import Fault, ServerFault
from validation.faults.environment import FaultEnvironment

STALL_MS = 1500
STALLED_SECONDS = 0.5
EXIT_SECONDS = 5.0
READ_SECONDS = 0.3  # longer than a consumer's read blocks


class Stalled(ServerFault):
    """Redis accepts commands and answers none for a while."""

    def begin(self, environment: FaultEnvironment) -> None:
        self._took = 0.0
        environment.stream.pause_clients(STALL_MS)
        self._command = threading.Thread(target=self._run_command, args=(environment,), daemon=True)
        self._command.start()

    def _run_command(self, environment: FaultEnvironment) -> None:
        begun = time.monotonic()
        environment.stream.length(protocol.STREAM)
        self._took = time.monotonic() - begun

    def effect(self, environment: FaultEnvironment) -> str:  # noqa: ARG002 - the interface of every fault
        self._command.join(STALL_MS / 1000 + 5)
        return f"a command took {self._took:.1f} s" if self._took > STALLED_SECONDS else ""

    def end(self, environment: FaultEnvironment) -> None:
        environment.stream.length(protocol.STREAM)


class GroupDestroyed(ServerFault):
    """The consumer group is destroyed."""

    def begin(self, environment: FaultEnvironment) -> None:
        self._destroyed = environment.group_was_destroyed = environment.stream.destroy_group(protocol.STREAM, protocol.GROUP)

    def effect(self, environment: FaultEnvironment) -> str:
        group = eventually(lambda: environment.stream.group(protocol.STREAM, protocol.GROUP), lambda g: g is not None, within=10)
        return "the group was destroyed, and a consumer created it again" if self._destroyed and group.held else ""

    def end(self, environment: FaultEnvironment) -> None:
        """Do nothing: the consumers create the group again."""


class OutOfMemory(ServerFault):
    """Redis has no memory left for another entry."""

    def begin(self, environment: FaultEnvironment) -> None:
        self._before = environment.stream.refusals("OOM")
        environment.stream.configure("maxmemory", str(environment.stream.used_memory()))

    def effect(self, environment: FaultEnvironment) -> str:
        refused = environment.stream.refusals("OOM") - self._before
        return f"{refused} commands refused with OOM" if refused else ""

    def end(self, environment: FaultEnvironment) -> None:
        environment.stream.configure("maxmemory", "512mb")


class DiskFull(ServerFault):
    """Redis cannot write another byte to its append-only file. With `appendfsync always` it exits rather than lose a write."""

    seconds = 1.5

    def begin(self, environment: FaultEnvironment) -> None:
        child = environment.target.redis.require_managed()
        for consumer in environment.consumers:  # what they have already read would be counted, whatever Redis forgets
            consumer.pause()
        consistently(lambda: None, lambda _: True, during=READ_SECONDS)
        self._size = max(f.stat().st_size for f in child.data.rglob("*.aof"))
        try:
            child.limit_file_size(self._size)
        except ProbeError:
            # The next write may end Redis before the engine reports the result of `prlimit`. `effect` reads in its log why it exited.
            if not eventually(lambda: child.alive, lambda alive: not alive, within=EXIT_SECONDS).held:
                raise

    def effect(self, environment: FaultEnvironment) -> str:
        child = environment.target.redis.require_managed()
        reported = "File too large" in child.output() or "Short write" in child.output()
        if child.alive:
            child.kill()  # loses what is only in memory, as a power failure does
        for consumer in environment.consumers:
            consumer.resume()
        return f"at {self._size} bytes it reported that it cannot write" if reported else ""

    def end(self, environment: FaultEnvironment) -> None:
        for consumer in environment.consumers:
            consumer.resume()
        if not environment.target.redis.require_managed().alive:
            environment.target.redis.start()


def redis_faults() -> Iterator[tuple[str, Fault]]:
    """Yield every fault of Redis with its name."""
    yield "Redis is stalled", Stalled()
    yield "the consumer group is destroyed", GroupDestroyed()
    yield "Redis is out of memory", OutOfMemory()
    yield "Redis is out of disk space", DiskFull()
