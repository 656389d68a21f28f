"""Parts that start as forks of an interpreter in which the libraries are imported: in a tenth of the time, so that crashes can be many.

What a fork could hide (a module imported by accident, a variable that a library reads when it is imported) is seen by the parts that start
in an interpreter of their own: the first migration, API and consumer of a run, and all that a fork cannot stand for.
"""

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from validation.core import interruption
from validation.core.environment import NOT_WRITABLE_BY_OTHERS
from validation.core.errors import HarnessError
from validation.targets.local import fork_program
from validation.targets.process import Child, Running, variables_of

PROGRAM = Path(fork_program.__file__).read_text(encoding="utf-8")
LIBRARIES = (
    "alembic.config", "anyio", "asyncpg", "fastapi.staticfiles", "limits.strategies", "msgspec", "opentelemetry.sdk.metrics.export",
    "prometheus_client", "pydantic_settings", "redis.asyncio", "rich.pretty", "secure", "sqlalchemy.ext.asyncio", "sse_starlette",
    "starlette.middleware.cors", "structlog", "uuid_utils", "uvicorn.lifespan.on", "uvicorn.loops.auto",
    "uvicorn.protocols.http.httptools_impl", "uvicorn.supervisors", "uvloop",
)  # fmt: skip
"""Modules of libraries that the API, the consumer and the migration import."""
PLAIN_WORDS = 3
READ_WHEN_IMPORTED = ("PYTHON", "OTEL_", "SSL_", "LD_")
"""Beginnings of the names of variables that an interpreter or a library may read when it starts."""
STARTS_SECONDS = 30.0
"""Within this time the libraries are imported and the part is forked."""
ENDS_SECONDS = 5.0


class Fork:
    """A forked part. It offers what `Child` needs of `subprocess.Popen`.

    Attributes:
        pid: its process id.

    Raises:
        HarnessError: the fork server has ended, or did not fork in time.
    """

    def __init__(self, status: int) -> None:
        self._status = os.fdopen(status, "rb", buffering=0)
        self._code: int | None = None
        pid = self._number(STARTS_SECONDS)
        if pid is None:
            raise HarnessError(f"The fork server has not forked a part within {STARTS_SECONDS:g} s.")
        self.pid = pid

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None while the part runs.

        Raises:
            HarnessError: the fork server has ended, so that nobody knows.
        """
        return self._ended(0)

    def wait(self, timeout: float) -> int:
        """Wait until the part has ended and return its exit code.

        Raises:
            HarnessError: the fork server has ended, or the part still runs after `timeout` seconds.
        """
        code = self._ended(timeout)
        if code is None:
            raise HarnessError(f"Process {self.pid} still runs after {timeout:g} s.")
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal to the part, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _ended(self, within: float) -> int | None:
        if self._code is None:
            self._code = self._number(within)
            if self._code is not None:
                self._status.close()
        return self._code

    def _number(self, within: float) -> int | None:
        if not self._status.closed:
            readable = select.poll()
            readable.register(self._status, select.POLLIN)
            if not readable.poll(within * 1000):
                return None
            if line := self._status.readline():
                return int(line)
            self._status.close()
        raise HarnessError("The fork server has ended.")


class ForkServer:
    """Forks parts of the system in `source`. It starts with the first of them, and ends with the run or with this process.

    Args:
        source: the folder that contains `system`.
        run_folder: the run's folder, by whose name cleanup finds the server and its forks.
    """

    def __init__(self, source: Path, run_folder: Path) -> None:
        self._source, self._run_folder = source, run_folder
        self._channel: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()

    def fork(self, module: str, variables: Mapping[str, str], log: IO[bytes]) -> Fork:
        """Start `python -m <module>` with these variables and no others, and with this log.

        Raises:
            HarnessError: the server does not fork.
        """
        with self._starting:  # threads of a sweep fork side by side
            self._channel = self._channel or self._start()
        read, write = os.pipe()
        try:
            request = json.dumps({"module": module, "environment": dict(variables)}).encode()
            socket.send_fds(self._channel, [request], [log.fileno(), write])
        except OSError as gone:
            os.close(read)
            raise HarnessError(f"The fork server has ended: {gone}.") from gone
        finally:
            os.close(write)
        return Fork(read)

    def close(self) -> None:
        """End the server. What it forked goes on, and can no longer be waited for."""
        if self._channel and self._process:
            self._channel.close()
            self._process.wait(ENDS_SECONDS)

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, (self._run_folder / "fork-server.log").open("wb") as log, interruption.Held():
            self._process = subprocess.Popen(  # noqa: S603 - the harness's own program
                [sys.executable, "-c", PROGRAM, str(theirs.fileno()), *LIBRARIES],
                cwd=self._source, env=variables_of(self._run_folder), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, umask=NOT_WRITABLE_BY_OTHERS, restore_signals=False, pass_fds=[theirs.fileno()],
            )  # fmt: skip
        return ours


@dataclass
class ForkedPart(Child):
    """A part of the system, started as a fork unless it must start in an interpreter of its own.

    Attributes:
        server: what forks it.
    """

    server: ForkServer | None = None

    def _launch(self, log: IO[bytes]) -> Running:
        if self.server and self._can_fork():
            return self.server.fork(self.command[-1], self._variables(), log)
        return super()._launch(log)

    def _can_fork(self) -> bool:
        """Whether it is started as `python -m <part>`, as this user, and without variables that an import may read."""
        plain = list(self.command[:2]) == [sys.executable, "-m"] and len(self.command) == PLAIN_WORDS and self.user is None
        return plain and not any(name.startswith(READ_WHEN_IMPORTED) for name in self.env)
