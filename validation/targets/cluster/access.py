"""One context of a kubeconfig: the API clients, and commands run inside pods."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import urllib3
import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException
from kubernetes.stream import stream

from validation.core.errors import ProbeError, TargetUnavailable

REQUEST_SECONDS = 10.0
EXEC_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that was run in a pod.

    Attributes:
        code: its exit code.
        output: what it wrote to both streams.
    """

    code: int
    output: str


class Cluster:
    """A cluster, reached as one context of a kubeconfig says.

    Args:
        kubeconfig: the file; empty is `KUBECONFIG`, or the one in the home folder.
        context: the context; empty is the file's current one.

    Raises:
        TargetUnavailable: there is no such file or context.
    """

    def __init__(self, kubeconfig: str = "", context: str = "") -> None:
        # By its path from here on: what is noted for the next run must not depend on that one's environment.
        self.kubeconfig = kubeconfig or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
        try:
            contexts, current = config.list_kube_config_contexts(config_file=self.kubeconfig)  # type: ignore[no-untyped-call]
            chosen = next((c for c in contexts if c["name"] == context), None) if context else current
            if chosen is None:
                known = ", ".join(c["name"] for c in contexts)
                raise TargetUnavailable(
                    f"There is no context {context} in the kubeconfig.",
                    f"it has {known}",
                    "kubectl config get-contexts",
                )
            self.context: str = chosen["name"]
            self._settings = client.Configuration()
            config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=self.kubeconfig, context=self.context, client_configuration=self._settings
            )
        except (ConfigException, OSError, yaml.YAMLError) as error:
            raise TargetUnavailable(
                f"No cluster is known: {error}.", "there is no kubeconfig", "votecheck run --target cluster --kubeconfig FILE"
            ) from None
        self._settings.retries = False

    @property
    def server(self) -> str:
        """The address of the API server."""
        return str(self._settings.host)

    def client(self) -> client.ApiClient:
        """Make a client of one's own. Commands and forwarded ports need one each: they bend the client that they are given."""
        return client.ApiClient(self._settings)

    @cached_property
    def core(self) -> Any:
        """Pods, namespaces, secrets, events."""
        return client.CoreV1Api(self.client())

    @cached_property
    def apps(self) -> Any:
        """Deployments and StatefulSets."""
        return client.AppsV1Api(self.client())

    @cached_property
    def networking(self) -> Any:
        """Network policies."""
        return client.NetworkingV1Api(self.client())

    @cached_property
    def policy(self) -> Any:
        """Pod disruption budgets."""
        return client.PolicyV1Api(self.client())

    def namespaces(self) -> dict[str, dict[str, str]]:
        """Give the labels of every namespace, by name.

        Raises:
            ProbeError: the API server refuses, or is silent.
        """
        with api_call("the namespaces"):
            found = self.core.list_namespace(_request_timeout=REQUEST_SECONDS).items
        return {space.metadata.name: space.metadata.labels or {} for space in found}

    def version(self) -> str:
        """Give the server's version.

        Raises:
            TargetUnavailable: it does not answer.
        """
        try:
            return str(client.VersionApi(self.client()).get_code(_request_timeout=REQUEST_SECONDS).git_version)
        except (ApiException, urllib3.exceptions.HTTPError, OSError) as error:
            raise TargetUnavailable(
                f"The cluster of context {self.context} does not answer at {self.server}: {type(error).__name__}.",
                "it is not running, or another context is meant",
                "kubectl cluster-info",
            ) from None

    def run(self, namespace: str, pod: str, *command: str, container: str = "", within: float = EXEC_SECONDS) -> Completed:
        """Run a command in a pod.

        Raises:
            ProbeError: it could not be run, or did not end in time.
        """
        with api_call(f"a command in {namespace}/{pod}"), self.client() as own:
            options = {"container": container} if container else {}
            channel = stream(
                client.CoreV1Api(own).connect_get_namespaced_pod_exec, pod, namespace, command=list(command),
                stderr=True, stdin=False, stdout=True, tty=False, _preload_content=False, _request_timeout=within, **options,
            )  # fmt: skip
            try:
                channel.run_forever(timeout=within)
                if channel.is_open():
                    raise ProbeError(f"{' '.join(command)[:60]} in {namespace}/{pod} did not end within {within:.0f} s.")
                code = channel.returncode  # before the output is read, which empties all channels
                return Completed(int(code or 0), channel.read_all())
            finally:
                channel.close()
                channel.sock.shutdown()  # it stays open where the server was the first to go


def to_dict(found: Any) -> Any:
    """Write an object of the client's as YAML has it."""
    return client.ApiClient().sanitize_for_serialization(found)  # type: ignore[no-untyped-call]


@contextmanager
def api_call(what: str) -> Iterator[None]:
    """Turn what the API server refuses, and its silence, into an error of a probe.

    Raises:
        ProbeError: instead of what the client raises.
    """
    try:
        yield
    except ApiException as error:
        raise ProbeError(f"The API server refused {what}: {error.status} {error.reason} {str(error.body or '')[:300]}") from None
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise ProbeError(f"The API server did not answer about {what}: {type(error).__name__}: {error}.", "the cluster is down") from None
