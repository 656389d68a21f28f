"""The program of a fork server, which runs as text in a fresh interpreter: it imports libraries once, and then forks a part on request.

It imports nothing of the harness, since each part would find that imported, and nothing of the system under test, which each part imports
anew. It talks over a socket whose descriptor is its first argument; its other arguments are the modules to import.

A request is one message, an object with `module` and `environment`, with two descriptors: the log of the part, and a pipe that gets a line
with the part's process id and, once it has ended, a line with its exit code, negative for a signal.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import socket
import sys
from pathlib import Path
from typing import Any

REQUEST_BYTES = 256 * 1024


def serve(channel: socket.socket) -> tuple[dict[str, Any], int] | None:
    """Fork for each request. Return the request and the log's descriptor in the new process, and None once nobody can ask for more."""
    running: dict[int, tuple[int, int]] = {}
    waiting = select.poll()
    waiting.register(channel, select.POLLIN)
    while True:
        for ready, _ in waiting.poll():
            if ready == channel.fileno():
                message, received, *_ = socket.recv_fds(channel, REQUEST_BYTES, 2)
                if not message:
                    return None
                log, status = received
                pid = os.fork()
                if pid == 0:
                    return json.loads(message), log
                os.close(log)
                tell(status, pid)
                ended = os.pidfd_open(pid)
                running[ended] = pid, status
                waiting.register(ended, select.POLLIN)
            else:
                pid, status = running.pop(ready)
                waiting.unregister(ready)
                os.close(ready)
                tell(status, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                os.close(status)


def tell(status: int, number: int) -> None:
    """Write a line, unless nobody reads it any more."""
    with contextlib.suppress(BrokenPipeError):
        os.write(status, b"%d\n" % number)


def become(request: dict[str, Any], log: int) -> None:
    """Be what `python -m` starts, in a session of its own, with this environment and this log."""
    os.setsid()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path[0] = str(Path.cwd())
    sys.argv[:] = [request["module"]]
    runpy.run_module(request["module"], run_name="__main__", alter_sys=True)


def main() -> None:
    """Import, serve, and in each new process become the part."""
    for module in sys.argv[2:]:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # a collection in a fork would copy every page that holds an object
    request = serve(socket.socket(fileno=int(sys.argv[1])))
    if request:
        become(*request)


if __name__ == "__main__":
    main()
