"""What a running process holds: memory of its own, open descriptors, threads, and the processor time it has used."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from validation.core.errors import NotProven, ProbeError

ANONYMOUS = re.compile(r"^Anonymous: +([0-9]+) kB$", re.MULTILINE)
"""Memory that belongs to no file and is not shared: neither programs nor the buffers that the sessions of PostgreSQL share."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """A process and its children at one moment.

    Attributes:
        memory: bytes of anonymous memory.
        descriptors: open files and sockets.
        threads: threads of all of them.
        processor: seconds of user and system time so far.
    """

    memory: int
    descriptors: int
    threads: int
    processor: float


def of(pid: int) -> Footprint:
    """Return the footprint of a process and its children.

    Raises:
        NotProven: this user may not look at the process.
        ProbeError: it does not run.
    """
    try:
        root = psutil.Process(pid)
        every = [root, *root.children(recursive=True)]
        times = [process.cpu_times() for process in every]
        return Footprint(
            memory=sum(_anonymous(process.pid) for process in every),
            descriptors=sum(process.num_fds() for process in every),
            threads=sum(process.num_threads() for process in every),
            processor=sum(time.user + time.system for time in times),
        )
    except (psutil.AccessDenied, PermissionError):
        raise _refused(pid) from None
    except (psutil.Error, OSError) as error:
        raise ProbeError(f"Cannot look at process {pid}: {error}.", "it ended") from error


def memory(pids: Iterable[int]) -> int:
    """Return the bytes of anonymous memory of some processes; those that have just ended count as nothing.

    Raises:
        NotProven: this user may not look at one of them.
    """
    total = 0
    for pid in pids:
        try:
            total += _anonymous(pid)
        except PermissionError:
            raise _refused(pid) from None
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


def _anonymous(pid: int) -> int:
    found = ANONYMOUS.search(Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii"))
    if found is None:
        raise ProbeError(f"The kernel does not tell the memory of process {pid}.", "it is older than Linux 4.14")
    return int(found[1]) * 1024


def _refused(pid: int) -> NotProven:
    return NotProven(f"This user may not read the memory of process {pid}. Try: run as root")
