"""A release of the chart in a cluster, as a target: it is voted on through a port of 127.0.0.1 and observed through the API server.

A managed release is installed by the run, under a name and a namespace prefix of its own, and removed afterwards. An external one is only
voted on and read.
"""

import base64
import json
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from validation.core.errors import NotProven, TargetUnavailable
from validation.core.settings import RunSettings
from validation.core.waiting import eventually
from validation.images import engines
from validation.images.build import build_missing
from validation.images.engines import Engine
from validation.images.source import reference
from validation.targets import cleanup
from validation.targets.base import Api, Server, Target
from validation.targets.cluster.access import REQUEST_SECONDS, Cluster, api_call
from validation.targets.cluster.helm import Release
from validation.targets.cluster.image_loading import load
from validation.targets.cluster.port_forward import PortForward
from validation.targets.cluster.removal import note_release
from validation.targets.reachability import check_http

ANSWER_SECONDS = 20.0
LAYER_OF = {"api": "api", "consumer": "consumer", "redis": "data", "postgres": "data"}
"""Component → the layer whose namespace holds its pods."""
PORTS = {"api": 8000, "redis": 6379, "postgres": 5432}
SECRET = "voting-secrets"  # noqa: S105 - its name


def managed_release_name(settings: RunSettings) -> str:
    """Return the name of the release that a run installs; its namespaces begin with it."""
    return f"votecheck-{settings.run[-4:]}"


def small_values(prefix: str, images: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Return the values of a managed release: the chart's defaults, scaled down for a small node.

    Args:
        prefix: with which its namespaces begin.
        images: repository and tag of the image of each part.
    """
    return {
        "namespaces": {"prefix": prefix},
        "images": images,
        "api": {"service": {"type": "NodePort"}, "corsOrigins": ["https://vote.example"]},
        "redis": {"storage": {"size": "2Gi"}},
        "postgres": {"storage": {"size": "2Gi"}},
        # A namespace that only this run creates, so that its pods can take the place of an ingress controller.
        "networkPolicies": {
            "ingressControllers": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": f"{prefix}-ingress"}}}]
        },
    }


class Installation(Target):
    """A release of the chart.

    Attributes:
        cluster: the cluster it runs in.
        release: the Helm release.
        managed: whether this run installed it and may change it.
    """

    def __init__(self, settings: RunSettings) -> None:
        super().__init__(settings)
        self.cluster = Cluster(settings.kubeconfig, settings.context)
        self.managed = not settings.release
        self.folder = cleanup.claim(f"{settings.run}-cluster")
        self.release = Release(self.cluster, settings.release or managed_release_name(settings), settings.release_namespace)
        self.prefix = self.release.name
        self._forwards: dict[str, PortForward] = {}
        self._api: Api | None = None

    def start(self) -> None:
        """Install the release if it is managed; of an external one, read the namespace prefix."""
        self.cluster.version()
        if self.managed:
            build_missing(self._engine, self.source, self.settings.image_tag)
            load(self.cluster, [reference(part, self.settings.image_tag) for part in ("api", "consumer")], self.settings.load_command)
            note_release(self.folder, self.release, self.prefix)
            self.release.install(self.chart, self.managed_values())
        else:
            self.prefix = str(self.release.values()["namespaces"]["prefix"])

    @property
    def chart(self) -> Path:
        """The folder of the chart under test."""
        return self.source / "chart"

    @cached_property
    def _engine(self) -> Engine:
        """The engine whose images are installed. It is looked up on first use: finding one that answers takes a moment."""
        return engines.answering()

    def managed_values(self) -> dict[str, Any]:
        """Return the values of this managed release."""
        return small_values(self.prefix, {part: self.image_name(part) for part in ("api", "consumer")})

    def image_name(self, part: str) -> dict[str, str]:
        """Return repository and tag of a part's image as its engine, and therefore the node, names it: podman prefixes `localhost/`."""
        wanted = reference(part, self.settings.image_tag)
        names = json.loads(self._engine.run("image", "inspect", "--format", "{{json .RepoTags}}", wanted))
        repository, _, tag = next((name for name in names if name.rpartition("/")[2] == wanted), wanted).rpartition(":")
        return {"repository": repository, "tag": tag}

    def close(self) -> list[str]:
        """Remove a managed release with its volumes, close the forwarded ports, and return what could not be removed."""
        for forward in self._forwards.values():
            forward.close()
        return cleanup.release(self.folder)

    def require_managed(self) -> None:
        """Refuse to change an external release.

        Raises:
            NotProven: the release is external.
        """
        if not self.managed:
            raise NotProven(
                f"Release {self.release.name} is external: votecheck votes on it and reads it, and never changes it. Try: omit --release"
            )

    def require_allowed_origin(self, origin: str) -> None:
        """Make sure that the release's values allow an origin.

        Raises:
            NotProven: they do not.
        """
        allowed = self.release.values()["api"]["corsOrigins"]
        if origin not in allowed:
            raise NotProven(f"Release {self.release.name} allows the origins {allowed}; this scenario needs {origin}.")

    def namespace(self, layer: str) -> str:
        """Return the namespace of a layer: `frontend`, `api`, `consumer` or `data`."""
        return f"{self.prefix}-{layer}"

    def pods(self, component: str) -> list[Any]:
        """List the pods of `api`, `consumer`, `redis` or `postgres`, except terminating pods and pods of the harness.

        Raises:
            ProbeError: the API server refuses, or does not answer.
        """
        labels = (f"app.kubernetes.io/instance={self.release.name}", f"app.kubernetes.io/component={component}", f"!{cleanup.LABEL}")
        with api_call(f"the pods of {component}"):
            found = self.cluster.core.list_namespaced_pod(
                self.namespace(LAYER_OF[component]), label_selector=",".join(labels), _request_timeout=REQUEST_SECONDS
            ).items
        return [pod for pod in found if not pod.metadata.deletion_timestamp]

    def images(self) -> dict[str, str]:
        """Return the digest of the image that the pods of each component run, as the nodes report it.

        Raises:
            ProbeError: the API server refuses, or does not answer.
        """
        running = {
            component: sorted({status.image_id for pod in self.pods(component) for status in pod.status.container_statuses or ()} - {""})
            for component in LAYER_OF
        }
        return {f"{component} in the cluster": ", ".join(found) for component, found in running.items() if found}

    def ready(self, component: str) -> list[Any]:
        """List the ready pods of a component."""
        return list(filter(is_ready, self.pods(component)))

    def secret(self, key: str) -> str:
        """Return one entry of the Secret in the data namespace."""
        with api_call(f"the Secret {SECRET}"):
            found = self.cluster.core.read_namespaced_secret(SECRET, self.namespace("data"), _request_timeout=REQUEST_SECONDS)
        return base64.b64decode(found.data[key]).decode()

    @property
    def redis(self) -> Server:
        """The Redis that holds the stream, at a port of 127.0.0.1."""
        return Server("Redis", f"redis://:{quote(self.secret('REDIS_PASSWORD'), safe='')}@127.0.0.1:{self._port('redis')}/0")

    @property
    def database(self) -> Server:
        """The PostgreSQL that holds the votes, at a port of 127.0.0.1."""
        password = quote(self.secret("POSTGRES_PASSWORD"), safe="")
        return Server("PostgreSQL", f"postgresql://voting:{password}@127.0.0.1:{self._port('postgres')}/voting")

    @property
    def api(self) -> Api:
        """The API that voters use: its NodePort if that answers at 127.0.0.1, else a forwarded port."""
        if self._api is None:
            node_port = self._node_port()
            url = f"http://127.0.0.1:{node_port}"
            if not (node_port and check_http(url, missing_ok=True)):
                url = f"http://127.0.0.1:{self._port('api')}"
            if not eventually(lambda: check_http(url, missing_ok=True), bool, within=ANSWER_SECONDS, every=0.3).held:
                raise TargetUnavailable(
                    f"The API of release {self.release.name} does not answer at {url}.", "its pods are not ready", "kubectl get pods -A"
                )
            self._api = Api(url)
        return self._api

    def ensure_consumer(self) -> None:
        """Make sure that a pod of the consumer's Deployment is ready.

        Raises:
            NotProven: none is.
        """
        if not self.ready("consumer"):
            raise NotProven(f"Release {self.release.name} has no ready consumer. Try: kubectl get pods -n {self.namespace('consumer')}")

    def test(self) -> str:
        """Run the chart's own test and return what its pod printed.

        Raises:
            TargetUnavailable: the test failed.
        """
        self.require_managed()
        self.release.test()
        with api_call("the log of the chart's test"):
            namespace = self.namespace("frontend")
            return str(self.cluster.core.read_namespaced_pod_log("voting-test", namespace, _request_timeout=REQUEST_SECONDS))

    def rediscover_api(self) -> None:
        """Forget the API's address: a recreated Service has another NodePort."""
        self._api = None

    def _port(self, component: str) -> int:
        if component not in self._forwards:

            def pod() -> str:
                return next((found.metadata.name for found in self.ready(component)), "")

            self._forwards[component] = PortForward(self.cluster, self.namespace(LAYER_OF[component]), pod, PORTS[component])
        return self._forwards[component].port

    def _node_port(self) -> int:
        with api_call("the Service of the API"):
            service = self.cluster.core.read_namespaced_service("voting-api", self.namespace("api"), _request_timeout=REQUEST_SECONDS)
        return next((port.node_port or 0 for port in service.spec.ports), 0)


def waiting_reasons(pod: Any) -> list[str]:
    """Return why containers of a pod do not run yet, as the kubelet reports it."""
    waiting = [status.state.waiting for status in pod.status.container_statuses or ()]
    return [state.reason for state in waiting if state and state.reason]


def is_ready(pod: Any) -> bool:
    """Return whether a pod is ready, as the kubelet last reported."""
    return any(condition.type == "Ready" and condition.status == "True" for condition in pod.status.conditions or ())
