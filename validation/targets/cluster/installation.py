"""An installation of the chart in a cluster, as a target: votes go in at 127.0.0.1, and everything else is asked of the API server.

One of our own is installed under a release and a prefix of the run's, and is gone afterwards. One that was there before is only voted on.
"""

import base64
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn
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
from validation.targets.cluster.access import ASK_SECONDS, Cluster, asking
from validation.targets.cluster.helm import Release
from validation.targets.cluster.image_loading import load
from validation.targets.cluster.port_forward import Forward
from validation.targets.reachability import check_http

ANSWERS_SECONDS = 20.0
PLACES = {"api": "api", "consumer": "consumer", "redis": "data", "postgres": "data"}
"""The component that a pod is of, and its namespace."""
PORTS = {"api": 8000, "redis": 6379, "postgres": 5432}
SECRET = "voting-secrets"  # noqa: S105 - its name


def own_name(settings: RunSettings) -> str:
    """Give the name of a run's own release, which its namespaces begin with."""
    return f"votecheck-{settings.run[-4:]}"


class Installation(Target):
    """A release of the chart.

    Attributes:
        cluster: where it is.
        release: what helm knows of it.
        ours: whether it was installed by this run, and may be changed.
    """

    def __init__(self, settings: RunSettings) -> None:
        super().__init__(settings)
        self.cluster = Cluster(settings.kubeconfig, settings.context)
        self.ours = not settings.release
        self.folder = cleanup.claim(f"{settings.run}-cluster")
        self.release = Release(self.cluster, settings.release or own_name(settings), settings.release_namespace)
        self.prefix = self.release.name
        self._forwards: dict[str, Forward] = {}
        self._api: Api | None = None

    def start(self) -> None:
        """Install it, unless it is there already, and wait until the API answers at 127.0.0.1."""
        self.cluster.version()
        if self.ours:
            build_missing(self._engine, self.source, self.settings.image_tag)
            load(self.cluster, [reference(part, self.settings.image_tag) for part in ("api", "consumer")], self.settings.load_command)
            cleanup.remember_release(self.folder, {
                "kubeconfig": self.cluster.kubeconfig, "context": self.cluster.context, "name": self.release.name,
                "namespace": self.release.namespace, "prefix": self.prefix,
            })  # fmt: skip
            self.release.install(self.chart, self.own_values())
        else:
            self.prefix = str(self.release.values()["namespaces"]["prefix"])

    @property
    def chart(self) -> Path:
        """The folder of the judged chart."""
        return self.source / "chart"

    @cached_property
    def _engine(self) -> Engine:
        """The engine whose images are installed; asking which one answers takes a moment."""
        return engines.answering()

    def own_values(self) -> dict[str, Any]:
        """Give the values of our own installation: the chart's defaults, as far as a small node allows."""
        return {
            "namespaces": {"prefix": self.prefix},
            "images": {part: self.named(part) for part in ("api", "consumer")},
            "api": {"service": {"type": "NodePort"}, "corsOrigins": ["https://vote.example"]},
            "redis": {"storage": {"size": "1Gi"}},
            "postgres": {"storage": {"size": "1Gi"}},
            # A namespace that only this run makes, so that it can stand there and try what an ingress controller may.
            "networkPolicies": {
                "ingressControllers": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": f"{self.prefix}-ingress"}}}]
            },
        }

    def named(self, part: str) -> dict[str, str]:
        """Name an image as its engine does, and so the node that it was loaded into: podman's names begin with `localhost/`."""
        wanted = reference(part, self.settings.image_tag)
        names = json.loads(self._engine.run("image", "inspect", "--format", "{{json .RepoTags}}", wanted))
        repository, _, tag = next((name for name in names if name.rpartition("/")[2] == wanted), wanted).rpartition(":")
        return {"repository": repository, "tag": tag}

    def close(self) -> list[str]:
        """Remove what this run has installed, volumes included; tell what could not be removed."""
        for forward in self._forwards.values():
            forward.close()
        return cleanup.release(self.folder)

    def must_be_ours(self) -> None:
        """Refuse to change somebody else's installation.

        Raises:
            NotProven: it is not ours.
        """
        if not self.ours:
            raise NotProven(f"Release {self.release.name} is somebody else's: it is voted on and read, and nothing else.")

    def must_allow(self, origin: str) -> None:
        """Make sure that the release's values allow an origin.

        Raises:
            NotProven: they do not.
        """
        allowed = self.release.values()["api"]["corsOrigins"]
        if origin not in allowed:
            raise NotProven(f"Release {self.release.name} allows the origins {allowed}, and {origin} is asked for.")

    def namespace(self, layer: str) -> str:
        """Give the name of one of the four namespaces: `frontend`, `api`, `consumer` or `data`."""
        return f"{self.prefix}-{layer}"

    def pods(self, component: str) -> list[Any]:
        """List the pods of `api`, `consumer`, `redis` or `postgres`, without those on their way out and those that the harness made.

        Raises:
            ProbeError: the API server refuses, or is silent.
        """
        labels = (f"app.kubernetes.io/instance={self.release.name}", f"app.kubernetes.io/component={component}", f"!{cleanup.LABEL}")
        with asking(f"the pods of {component}"):
            found = self.cluster.core.list_namespaced_pod(
                self.namespace(PLACES[component]), label_selector=",".join(labels), _request_timeout=ASK_SECONDS
            ).items
        return [pod for pod in found if not pod.metadata.deletion_timestamp]

    def ready(self, component: str) -> list[Any]:
        """List those of its pods that are ready."""
        return list(filter(is_ready, self.pods(component)))

    def secret(self, key: str) -> str:
        """Give one entry of the data namespace's Secret."""
        with asking(f"the Secret {SECRET}"):
            found = self.cluster.core.read_namespaced_secret(SECRET, self.namespace("data"), _request_timeout=ASK_SECONDS)
        return base64.b64decode(found.data[key]).decode()

    @property
    def redis(self) -> Server:
        """The Redis with the stream, at a port of 127.0.0.1."""
        return Server("Redis", f"redis://:{quote(self.secret('REDIS_PASSWORD'), safe='')}@127.0.0.1:{self._port('redis')}/0")

    @property
    def database(self) -> Server:
        """The PostgreSQL with the votes, at a port of 127.0.0.1."""
        password = quote(self.secret("POSTGRES_PASSWORD"), safe="")
        return Server("PostgreSQL", f"postgresql://voting:{password}@127.0.0.1:{self._port('postgres')}/voting")

    @property
    def api(self) -> Api:
        """The API that voters use: its NodePort where that answers at 127.0.0.1, and a forwarded port otherwise."""
        if self._api is None:
            node_port = self._node_port()
            url = f"http://127.0.0.1:{node_port}"
            if not (node_port and check_http(url, missing_ok=True)):
                url = f"http://127.0.0.1:{self._port('api')}"
            if not eventually(lambda: check_http(url, missing_ok=True), bool, within=ANSWERS_SECONDS, every=0.3).held:
                raise TargetUnavailable(
                    f"The API of release {self.release.name} does not answer at {url}.", "its pods are not ready", "kubectl get pods -A"
                )
            self._api = Api(url)
        return self._api

    @property
    def consumer(self) -> NoReturn:
        """There is no child process that would be the consumer."""
        raise NotProven("The consumers of an installation are pods: they are looked at through the API server.")

    def count_votes(self) -> None:
        """Make sure that somebody counts what is cast: the Deployment of the consumer."""
        if not self.ready("consumer"):
            raise NotProven(f"No consumer of release {self.release.name} is ready.")

    def new_api(self, env: Mapping[str, str]) -> NoReturn:  # noqa: ARG002 - as every target
        """Refuse: an installation has the parts that the chart gives it."""
        raise NotProven("No API is started beside an installation.")

    def new_consumer(self, env: Mapping[str, str]) -> NoReturn:  # noqa: ARG002 - as every target
        """Refuse: an installation has the parts that the chart gives it."""
        raise NotProven("No consumer is started beside an installation.")

    def test(self) -> str:
        """Run the chart's own test. Gives what its pod printed.

        Raises:
            TargetUnavailable: it failed.
        """
        self.must_be_ours()
        self.release.test()
        with asking("the log of the chart's test"):
            return str(self.cluster.core.read_namespaced_pod_log("voting-test", self.namespace("frontend"), _request_timeout=ASK_SECONDS))

    def find_again(self) -> None:
        """Look for the API anew: a Service that was made again has another NodePort."""
        self._api = None

    def _port(self, component: str) -> int:
        if component not in self._forwards:

            def pod() -> str:
                return next((found.metadata.name for found in self.ready(component)), "")

            self._forwards[component] = Forward(self.cluster, self.namespace(PLACES[component]), pod, PORTS[component])
        return self._forwards[component].port

    def _node_port(self) -> int:
        with asking("the Service of the API"):
            service = self.cluster.core.read_namespaced_service("voting-api", self.namespace("api"), _request_timeout=ASK_SECONDS)
        return next((port.node_port or 0 for port in service.spec.ports), 0)


def waits_for(pod: Any) -> list[str]:
    """Say why containers of a pod do not run yet, in the kubelet's words."""
    waiting = [status.state.waiting for status in pod.status.container_statuses or ()]
    return [state.reason for state in waiting if state and state.reason]


def is_ready(pod: Any) -> bool:
    """Tell whether a pod is ready, as the kubelet last said."""
    return any(condition.type == "Ready" and condition.status == "True" for condition in pod.status.conditions or ())
