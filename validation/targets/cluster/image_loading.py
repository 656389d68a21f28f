"""Brings the two images to the nodes: by minikube or kind where the context says so, or by a command that was given."""

import shlex
import shutil
import subprocess

from validation.core.errors import TargetUnavailable
from validation.targets.cluster.access import Cluster

LOAD_SECONDS = 300


def load(cluster: Cluster, references: list[str], command: str = "") -> None:
    """Load images that are in the engine's store.

    Args:
        cluster: where to.
        references: names and tags.
        command: what loads them; the references are put behind it. Empty: minikube's or kind's own, by the name of the context.

    Raises:
        TargetUnavailable: the command failed, or none is known.
    """
    words = shlex.split(command) or _by_context(cluster.context)
    if not words:
        raise TargetUnavailable(
            f"Nobody knows how images come to the nodes of context {cluster.context}.",
            "it is neither minikube's nor kind's",
            "votecheck run --target cluster --load-command COMMAND, which gets the two images as its arguments",
        )
    try:
        done = subprocess.run([*words, *references], capture_output=True, text=True, timeout=LOAD_SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TargetUnavailable(f"{words[0]} could not load the images: {error}.", "a wrong --load-command", shlex.join(words)) from None
    if done.returncode:
        raise TargetUnavailable(
            f"{words[0]} could not load the images: {(done.stderr or done.stdout).strip()[-300:]}", "", shlex.join(words)
        )


def _by_context(context: str) -> list[str]:
    if context.startswith("kind-") and shutil.which("kind"):
        return ["kind", "load", "docker-image", "--name", context.removeprefix("kind-")]
    if shutil.which("minikube"):
        profiles = subprocess.run(["minikube", "profile", "list", "--light"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S607
        if f" {context} " in profiles.stdout:
            return ["minikube", "--profile", context, "image", "load"]
    return []
