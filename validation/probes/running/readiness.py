"""Run the consumer's readiness command with both servers listening, or one of them missing. Plain sockets stand in for the servers."""

import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from validation.core import inputs
from validation.core.environment import built

SECONDS = 20.0
SERVERS = {"REDIS_URL": "redis://{}/0", "DATABASE_URL": "postgresql://voting@{}/voting"}


def ends_with(command: Sequence[str], *, away: str = "") -> int | str:
    """Run the command of a readiness probe.

    Args:
        command: the command as in the pod; `python` is replaced by this interpreter.
        away: variable of the server that does not listen (default: both listen).

    Returns:
        The exit code, or why the command could not run or did not end.
    """
    with ExitStack() as stack:
        urls = {variable: url.format(stack.enter_context(_server(listens=variable != away))) for variable, url in SERVERS.items()}
        inputs.note(f"{inputs.shown(' '.join(command))}, {f'without the server of {away}' if away else 'with both servers'}")
        given = [sys.executable if word == "python" else word for word in command]
        try:
            return subprocess.run(given, env=built(**urls), capture_output=True, timeout=SECONDS, check=False).returncode  # noqa: S603 - the chart's
        except (OSError, ValueError, IndexError) as error:
            return f"cannot run: {error}"
        except subprocess.TimeoutExpired:
            return f"did not end within {SECONDS:g} s"


@contextmanager
def _server(*, listens: bool) -> Iterator[str]:
    """Bind a port and yield its address. A server that does not listen refuses connections."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if listens:
            server.listen()
        yield f"127.0.0.1:{server.getsockname()[1]}"
