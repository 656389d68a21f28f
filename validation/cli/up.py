"""`votecheck up`: the voting system for people to use, on this machine, until Ctrl-C."""

import socket

from rich.console import Console

from validation.core.interruption import sigterm_interrupts
from validation.core.settings import RunSettings
from validation.core.waiting import consistently
from validation.targets import cleanup
from validation.targets.local.target import LocalTarget

DAY_SECONDS = 86_400.0


def serve(settings: RunSettings, port: int, talk: Console) -> None:
    """Start everything, print the address, and stay until interrupted; then nothing is left.

    Args:
        settings: a local target.
        port: where the API should listen; when it is taken, another one is used, and told.
        talk: where to print.
    """
    cleanup.reap()
    chosen = port if _free(port) else None
    if chosen is None:
        talk.print(f"Port {port} is taken; using another one.")
    target = LocalTarget(settings, api_port=chosen)
    try:
        with sigterm_interrupts():
            target.start()
            _ = target.consumer
            talk.print(f"The voting system is up: [bold]{target.api.url}/[/bold]\nVotes are kept until you stop it with Ctrl-C.")
            consistently(lambda: target.api.process.alive and target.consumer.alive, bool, during=DAY_SECONDS)
            talk.print("It ended by itself.")
    except KeyboardInterrupt:
        talk.print("Stopping.")
    finally:
        for problem in target.close():
            talk.print(f"Not cleaned up: {problem}", markup=False)


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
