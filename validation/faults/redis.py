"""A Redis in trouble."""

import threading
import time
from collections.abc import Callable

from validation.core import protocol
from validation.core.errors import ProbeError
from validation.core.waiting import consistently, eventually
from validation.faults.environment import FaultEnvironment

STALL_MS = 1500
STALLED_SECONDS = 0.5
ENDS_SECONDS = 5.0
READS_END_SECONDS = 0.3  # longer than a read of theirs blocks


class HarnessFailed:
    """What all of them have."""

    seconds = 1.2
    unready = ""

    def begin(self, storm: FaultEnvironment) -> None:
        """Let it happen."""
        raise NotImplementedError

    def seen(self, storm: FaultEnvironment) -> str:
        """Say how it took effect."""
        raise NotImplementedError

    def end(self, storm: FaultEnvironment) -> None:
        """Take it back."""
        raise NotImplementedError


class Stalled(HarnessFailed):
    """It takes commands and answers none for a while."""

    def begin(self, storm: FaultEnvironment) -> None:
        self._took = 0.0
        storm.stream.pause_clients(STALL_MS)
        self._asking = threading.Thread(target=self._ask, args=(storm,), daemon=True)
        self._asking.start()

    def _ask(self, storm: FaultEnvironment) -> None:
        begun = time.monotonic()
        storm.stream.length(protocol.STREAM)
        self._took = time.monotonic() - begun

    def seen(self, storm: FaultEnvironment) -> str:  # noqa: ARG002 - as the others
        self._asking.join(STALL_MS / 1000 + 5)
        return f"a command took {self._took:.1f} s" if self._took > STALLED_SECONDS else ""

    def end(self, storm: FaultEnvironment) -> None:
        storm.stream.length(protocol.STREAM)


class Groupless(HarnessFailed):
    """Somebody destroys the consumer group."""

    def begin(self, storm: FaultEnvironment) -> None:
        self._destroyed = storm.group_was_destroyed = storm.stream.destroy_group(protocol.STREAM, protocol.GROUP)

    def seen(self, storm: FaultEnvironment) -> str:
        made = eventually(lambda: storm.stream.group(protocol.STREAM, protocol.GROUP), lambda g: g is not None, within=10)
        return "the group was gone, and a consumer made it again" if self._destroyed and made.held else ""

    def end(self, storm: FaultEnvironment) -> None:
        """Nothing is to be taken back."""


class Full(HarnessFailed):
    """It has no memory left for one more entry."""

    def begin(self, storm: FaultEnvironment) -> None:
        self._before = storm.stream.refusals("OOM")
        storm.stream.configure("maxmemory", str(storm.stream.used_memory()))

    def seen(self, storm: FaultEnvironment) -> str:
        refused = storm.stream.refusals("OOM") - self._before
        return f"{refused} commands refused for want of memory" if refused else ""

    def end(self, storm: FaultEnvironment) -> None:
        storm.stream.configure("maxmemory", "512mb")


class DiskFull(HarnessFailed):
    """It cannot write one more byte to its file; with `appendfsync always` it ends rather than promise what it cannot keep."""

    seconds = 1.5

    def begin(self, storm: FaultEnvironment) -> None:
        child = storm.target.redis.require_managed()
        for consumer in storm.consumers:  # what they had read already would be counted, whatever Redis forgets
            consumer.pause()
        consistently(lambda: None, lambda _: True, during=READS_END_SECONDS)
        self._size = max(f.stat().st_size for f in child.data.rglob("*.aof"))
        try:
            child.limit_file_size(self._size)
        except ProbeError:
            # Its next write may end it before the engine has told how `prlimit` went. `seen` reads in its log why it ended.
            if not eventually(lambda: child.alive, lambda alive: not alive, within=ENDS_SECONDS).held:
                raise

    def seen(self, storm: FaultEnvironment) -> str:
        child = storm.target.redis.require_managed()
        said = "File too large" in child.output() or "Short write" in child.output()
        if child.alive:
            child.kill()  # what it holds in memory only is lost with it, as when the machine is switched off
        for consumer in storm.consumers:
            consumer.resume()
        return f"at {self._size} bytes it said that it cannot write" if said else ""

    def end(self, storm: FaultEnvironment) -> None:
        for consumer in storm.consumers:
            consumer.resume()
        if not storm.target.redis.require_managed().alive:
            storm.target.redis.start()


IN_TROUBLE: dict[str, Callable[[], HarnessFailed]] = {
    "Redis is stalled": Stalled,
    "the group of Redis is destroyed": Groupless,
    "the memory of Redis is full": Full,
    "the disk of Redis is full": DiskFull,
}
