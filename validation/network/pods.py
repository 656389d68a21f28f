"""Short-lived pods that accept connections and try to open them, and the namespaces that the run creates for some of them.

All carry the run's label. Pods end by themselves after half an hour. The namespaces are owned by the release's first namespace, so they
are deleted with it, even after a `kill -9` of the harness.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from kubernetes.client import CoreV1Api
from kubernetes.client.exceptions import ConflictException, ForbiddenException, NotFoundException
from kubernetes.stream import stream

from validation.core.errors import ProbeError
from validation.core.waiting import eventually
from validation.targets.cleanup import LABEL
from validation.targets.cluster.access import REQUEST_SECONDS, Cluster, api_call
from validation.targets.cluster.installation import waiting_reasons

PYTHON = ("/usr/bin/python3.13", "-c", Path(__file__).with_name("pod_program.py").read_text(encoding="utf-8"))
"""The interpreter of the API's image, and the program it runs."""
RUNNING_SECONDS, GONE_SECONDS, ANSWER_SECONDS = 90.0, 90.0, 15.0
ENDS_AFTER_SECONDS = 1800
NAMED = {8000: "http", 9000: "metrics", 6379: "redis"}
"""Names of ports, for policies that refer to a port by name."""


def pod_manifest(name: str, namespace: str, labels: Mapping[str, str], image: str, ports: Iterable[int], run: str) -> dict[str, Any]:  # noqa: PLR0913, PLR0917 - what a pod consists of
    """Return the manifest of a probe pod that Pod Security `restricted` admits."""
    kept = sorted(ports)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {**labels, LABEL: run}},
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": ENDS_AFTER_SECONDS,
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "network-probe",
                "image": image,
                "imagePullPolicy": "IfNotPresent",
                "command": [*PYTHON, "listen", *map(str, kept)],
                "ports": [{"containerPort": p, "protocol": how, "name": NAMED[p] + ("-udp" if how == "UDP" else "")}
                          for p in kept for how in ("TCP", "UDP")],
                "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"cpu": "500m", "memory": "64Mi"}},
                "securityContext": {
                    "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
                },
            }],
        },
    }  # fmt: skip


class ProbeSession:
    """A program in a pod that tries the targets it is sent.

    Raises:
        ProbeError: from every method, if the pod cannot be reached.
    """

    def __init__(self, cluster: Cluster, namespace: str, pod: str) -> None:
        self._where = f"{namespace}/{pod}"
        self._client = cluster.client()
        with api_call(f"a command in {self._where}"):
            self._channel = stream(
                CoreV1Api(self._client).connect_get_namespaced_pod_exec, pod, namespace, command=[*PYTHON, "try"],
                stderr=True, stdin=True, stdout=True, tty=False, _preload_content=False, _request_timeout=REQUEST_SECONDS,
            )  # fmt: skip

    def send(self, line: str) -> None:
        """Send a line of targets to try."""
        with api_call(f"a command in {self._where}"):
            self._channel.write_stdin(line + "\n")

    def receive(self) -> str:
        """Wait for the line with the targets that answered."""
        with api_call(f"a command in {self._where}"):
            line: str = self._channel.readline_stdout(timeout=ANSWER_SECONDS)
            if not line:
                raise ProbeError(f"The pod {self._where} does not answer: {self._channel.read_stderr(timeout=0)[-300:]}", "it has exited")
        return line

    def close(self) -> None:
        """End the program and close the connection."""
        self._channel.close()
        self._channel.sock.shutdown()  # it would stay open if the server closed first
        self._client.close()  # type: ignore[no-untyped-call]


class ProbePods:
    """The probe pods of one run and their namespaces.

    Args:
        cluster: the cluster they run in.
        run: the run's id, which they carry as a label.
        owner: the namespace with which the created namespaces are deleted.
    """

    def __init__(self, cluster: Cluster, run: str, owner: Any) -> None:
        self._cluster, self._core, self.run = cluster, cluster.core, run
        self._owner = {"apiVersion": "v1", "kind": "Namespace", "name": owner.metadata.name, "uid": owner.metadata.uid}
        self._namespaces: list[str] = []

    def create_namespace(self, name: str, labels: Mapping[str, str]) -> None:
        """Create a namespace unless it exists."""
        kept = {**labels, LABEL: self.run, "pod-security.kubernetes.io/enforce": "restricted"}
        body = {"metadata": {"name": name, "labels": kept, "ownerReferences": [self._owner]}}
        with api_call(f"namespace {name}"), suppress(ConflictException):
            self._core.create_namespace(body, _request_timeout=REQUEST_SECONDS)
            self._namespaces.append(name)

    def create_pod(self, body: Mapping[str, Any]) -> None:
        """Create a pod; repeat while a new namespace has no service account yet."""
        namespace = body["metadata"]["namespace"]

        def create() -> str:
            try:
                self._core.create_namespaced_pod(namespace, body, _request_timeout=REQUEST_SECONDS)
            except ForbiddenException as error:
                if "serviceaccount" in str(error.body):
                    return "no service account"
                raise
            return ""

        with api_call(f"a pod in {namespace}"):
            if eventually(create, lambda why: not why, within=REQUEST_SECONDS, every=0.2).value:
                raise ProbeError(f"Namespace {namespace} has no service account after {REQUEST_SECONDS:.0f} s.")

    def wait_running(self, count: int) -> dict[str, Any]:
        """Wait until `count` pods run, and return them by name.

        Raises:
            ProbeError: some do not run; the message says why.
        """
        waited = eventually(self._pods, lambda found: sum(map(_runs, found)) == count, within=RUNNING_SECONDS, every=0.3)
        if not waited.held:
            why = "; ".join(f"{pod.metadata.namespace}/{pod.metadata.name} {_why(pod)}" for pod in waited.value if not _runs(pod))
            raise ProbeError(f"Network probe pods do not run: {why[:600]}", "", f"kubectl get pods -A -l {LABEL}")
        return {pod.metadata.name: pod for pod in waited.value}

    def _pods(self) -> list[Any]:
        with api_call("the pods of this run"):
            found = self._core.list_pod_for_all_namespaces(label_selector=f"{LABEL}={self.run}", _request_timeout=REQUEST_SECONDS).items
        return [pod for pod in found if pod.spec.containers[0].name == "network-probe"]

    def close(self) -> list[str]:
        """Delete pods and namespaces, and return what is left."""
        left: list[str] = []
        try:
            for pod in self._pods():
                with api_call("a pod of this run"), suppress(NotFoundException):
                    self._core.delete_namespaced_pod(pod.metadata.name, pod.metadata.namespace, grace_period_seconds=0,
                                                     _request_timeout=REQUEST_SECONDS)  # fmt: skip
            for name in self._namespaces:
                with api_call(f"namespace {name}"), suppress(NotFoundException):
                    self._core.delete_namespace(name, _request_timeout=REQUEST_SECONDS)
            gone = eventually(self._left, lambda still: not still, within=GONE_SECONDS, every=0.5)
            left += [f"{one} still exists" for one in gone.value]
        except Exception as error:  # noqa: BLE001 - any failure is a leftover to report; the rest must still be cleaned up
            left.append(f"network probe pods could not be removed: {error}")
        return left

    def _left(self) -> list[str]:
        names = self._cluster.namespaces()
        return [f"namespace {name}" for name in self._namespaces if name in names] + [f"pod {pod.metadata.name}" for pod in self._pods()]


def _runs(pod: Any) -> bool:
    return pod.status.phase == "Running" and bool(pod.status.pod_ip) and not pod.metadata.deletion_timestamp


def _why(pod: Any) -> str:
    refusals = [condition.message for condition in pod.status.conditions or () if condition.status == "False" and condition.message]
    return ", ".join([pod.status.phase, *waiting_reasons(pod), *refusals[:1]])
