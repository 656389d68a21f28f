"""One context of a kubeconfig: the API clients, and commands run inside pods."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3
import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException
from kubernetes.stream import stream

from validation.core.environment import LOOPBACK, PROXIES
from validation.core.errors import ProbeError, TargetUnavailable

REQUEST_SECONDS = 10.0
EXEC_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Completed:
    """The result of a command in a pod.

    Attributes:
        code: the exit code.
        output: standard output and standard error together.
    """

    code: int
    output: str


class Cluster:
    """A cluster, as one context of a kubeconfig names it.

    Args:
        kubeconfig: the file; empty for `KUBECONFIG`, or else `~/.kube/config`.
        context: the context; empty for the file's current one.

    Raises:
        TargetUnavailable: the file or the context does not exist.
    """

    def __init__(self, kubeconfig: str = "", context: str = "") -> None:
        # Resolved to a path: a later run that cleans up must not depend on its own environment.
        self.kubeconfig = kubeconfig or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
        try:
            contexts, current = config.list_kube_config_contexts(config_file=self.kubeconfig)  # type: ignore[no-untyped-call]
            chosen = next((c for c in contexts if c["name"] == context), None) if context else current
            if chosen is None:
                known = ", ".join(c["name"] for c in contexts)
                raise TargetUnavailable(
                    f'The kubeconfig has no context "{context}". Valid names: {known}.',
                    "",
                    "kubectl config get-contexts",
                )
            self.context: str = chosen["name"]
            self._settings = client.Configuration()
            config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=self.kubeconfig, context=self.context, client_configuration=self._settings
            )
        except (ConfigException, OSError, yaml.YAMLError) as error:
            raise TargetUnavailable(
                f"Cannot read the kubeconfig: {str(error).rstrip('.')}.",
                "the file does not exist",
                "votecheck run --target cluster --kubeconfig FILE",
            ) from None
        self._settings.retries = False
        if urlsplit(self.server).hostname in LOOPBACK and self._settings.proxy in map(os.environ.get, PROXIES):
            self._settings.proxy = None  # as kubectl does; a proxy-url of the kubeconfig stays

    @property
    def server(self) -> str:
        """The address of the API server."""
        return str(self._settings.host)

    def client(self) -> client.ApiClient:
        """Return a new client. Each command and each forwarded port needs its own, because they patch the client they use."""
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
        """Return the labels of every namespace, by name.

        Raises:
            ProbeError: the API server refuses, or does not answer.
        """
        with api_call("the namespaces"):
            found = self.core.list_namespace(_request_timeout=REQUEST_SECONDS).items
        return {space.metadata.name: space.metadata.labels or {} for space in found}

    def version(self) -> str:
        """Return the server's version.

        Raises:
            TargetUnavailable: the API server does not answer.
        """
        try:
            return str(client.VersionApi(self.client()).get_code(_request_timeout=REQUEST_SECONDS).git_version)
        except (ApiException, urllib3.exceptions.HTTPError, OSError) as error:
            raise TargetUnavailable(
                f'The cluster of context "{self.context}" does not answer at {self.server}: {type(error).__name__}.',
                "it is not running, or you meant another context",
                "kubectl cluster-info",
            ) from None

    def run(self, namespace: str, pod: str, *command: str, container: str = "", within: float = EXEC_SECONDS) -> Completed:
        """Run a command in a pod.

        Raises:
            ProbeError: the command could not be run, or did not exit in time.
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
                    raise ProbeError(f"{' '.join(command)[:60]} in {namespace}/{pod} did not exit within {within:.0f} s.")
                code = channel.returncode  # read first: reading the output empties all channels
                return Completed(int(code or 0), channel.read_all())
            finally:
                channel.close()
                channel.sock.shutdown()  # it would stay open if the server closed first


def to_dict(found: Any) -> Any:
    """Convert an object of the client to what YAML would hold."""
    return client.ApiClient().sanitize_for_serialization(found)  # type: ignore[no-untyped-call]


@contextmanager
def api_call(what: str) -> Iterator[None]:
    """Convert errors of the client, such as a refusal or a time-out, to a ProbeError that names `what`."""
    try:
        yield
    except ApiException as error:
        raise ProbeError(f"The API server refused {what}: {error.status} {error.reason} {str(error.body or '')[:300]}") from None
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise ProbeError(
            f"The API server did not answer a request for {what}: {type(error).__name__}: {error}.", "the cluster is down"
        ) from None
