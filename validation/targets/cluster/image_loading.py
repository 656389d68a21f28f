"""Loads the two images onto the nodes: with minikube or kind if the context is theirs, or with the command of --load-command."""

import shlex
import shutil
import subprocess

from validation.core.environment import CLUSTER, ENGINE, PROXIES, built
from validation.core.errors import TargetUnavailable
from validation.targets.cluster.access import Cluster

LOAD_SECONDS = 300


def load(cluster: Cluster, references: list[str], command: str = "") -> None:
    """Load images from the engine's store onto the nodes.

    Args:
        cluster: the cluster to load them into.
        references: names and tags of the images.
        command: the command that loads them; the references are appended. Empty: minikube's or kind's, by the name of the context.

    Raises:
        TargetUnavailable: the command failed, or no loader is configured.
    """
    words = shlex.split(command) or _by_context(cluster.context)
    if not words:
        raise TargetUnavailable(
            f'Cannot load images into context "{cluster.context}": no loader is configured.',
            "the context is neither minikube's nor kind's",
            'votecheck run --target cluster --load-command "k3d image import"',
        )
    try:
        done = subprocess.run(  # noqa: S603 - the user's own command
            [*words, *references], env=_environment(), capture_output=True, text=True, timeout=LOAD_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TargetUnavailable(f"Cannot load images with {words[0]}: {error}.", "a wrong --load-command", shlex.join(words)) from None
    if done.returncode:
        raise TargetUnavailable(f"Cannot load images with {words[0]}: {(done.stderr or done.stdout).strip()[-300:]}", "", shlex.join(words))


def _environment() -> dict[str, str]:
    return built(*ENGINE, *CLUSTER, *PROXIES)


def _by_context(context: str) -> list[str]:
    if context.startswith("kind-") and shutil.which("kind"):
        return ["kind", "load", "docker-image", "--name", context.removeprefix("kind-")]
    if shutil.which("minikube"):
        asked = ["minikube", "profile", "list", "--light"]
        profiles = subprocess.run(asked, env=_environment(), capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - no shell
        if f" {context} " in profiles.stdout:
            return ["minikube", "--profile", context, "image", "load"]
    return []
