"""Parts that run as the first process of a PID namespace, as in a container without an init process."""

import shutil
import subprocess

import psutil

from validation.core.environment import built
from validation.core.errors import NotProven
from validation.core.waiting import eventually
from validation.targets.process import Child

NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child")
APPEARS_SECONDS = 10.0


def in_namespace(child: Child) -> Child:
    """Make a part the first process of a namespace; a container is one already.

    Raises:
        NotProven: this machine cannot make a PID namespace.
    """
    if child.in_container:
        return child
    program = shutil.which(NAMESPACE[0])
    tried = [program or "", *NAMESPACE[1:], "true"]
    if not program or subprocess.run(tried, env=built(), capture_output=True, check=False).returncode:  # noqa: S603 - a fixed command
        raise NotProven("PID namespaces cannot be made here: unshare --pid fails. Try: run as root, or votecheck run --target containers")
    child.command = [*NAMESPACE, *child.command]
    return child


def first_process(child: Child) -> psutil.Process:
    """Return the part's own process, which the command that made the namespace waits for."""
    if child.in_container:
        return psutil.Process(child.pid)
    found = eventually(psutil.Process(child.pid).children, bool, within=APPEARS_SECONDS, never=lambda _: not child.alive)
    if not found.value:
        raise NotProven(f"{child.name} did not start in a PID namespace: {child.output()[-200:]}")
    return found.value[0]
