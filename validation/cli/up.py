"""`votecheck up`: the voting system on this machine for manual use, until Ctrl-C."""

import signal
import socket

from validation.cli.console import print_message, stderr
from validation.core.settings import RunSettings
from validation.core.waiting import consistently
from validation.targets import cleanup
from validation.targets.local.target import LocalTarget
from validation.targets.process import Child

DAY_SECONDS = 86_400.0
LOG_SHOWN = 300


def serve(settings: RunSettings, port: int) -> None:
    """Start the system, print its address and serve until interrupted; then remove everything.

    Args:
        settings: settings of a local target.
        port: the port of the API. If it is taken, a free one is used.
    """
    cleanup.reap()
    chosen = port if _is_free(port) else None
    if chosen is None:
        print_message(f"Port {port} is taken; using another one.")
    target = LocalTarget(settings, api_port=chosen)
    try:
        target.start()
        parts = {"consumer": target.consumer, "API": target.api.process}
        stderr.print(f"The voting system is up: [bold]{target.api.url}/[/bold]\nIt keeps votes until you stop it with Ctrl-C.")
        consistently(lambda: all(part.alive for part in parts.values()), bool, during=DAY_SECONDS)
        for name, part in parts.items():
            if not part.alive:
                print_message(f"The {name} exited ({_how(part)}). End of its log: {part.output().strip()[-LOG_SHOWN:]}")
    except KeyboardInterrupt:
        print_message("Stopping.")
        raise
    finally:
        for problem in target.close():
            print_message(f"Not cleaned up: {problem}")


def _how(part: Child) -> str:
    code = part.exit_code or 0
    return f"exit code {code}" if code >= 0 else f"signal {-code}, {signal.Signals(-code).name}"


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
