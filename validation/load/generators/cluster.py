"""Run Locust in pods of the cluster under load, one master and its workers, and fetch their results before they are deleted.

The pods come from `loadtests/kubernetes.yaml`, which also works by hand. They are deleted with the namespaces of the installation.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import yaml
from kubernetes import utils

from loadtests import pod as in_pod
from validation.core.errors import HarnessError, ProbeError
from validation.core.settings import PROJECT
from validation.core.waiting import eventually
from validation.images import engines
from validation.images.build import build
from validation.images.source import LOAD, reference
from validation.load.generators.local import ENDS_SECONDS, Generator, Order, options, require_valid_exit
from validation.targets.cluster.access import REQUEST_SECONDS, api_call
from validation.targets.cluster.image_loading import load
from validation.targets.cluster.installation import PORTS, Installation, waiting_reasons
from validation.targets.cluster.port_forward import PortForward

if TYPE_CHECKING:
    from validation.load.sampling.sampler import Look

MANIFEST = PROJECT / "loadtests" / "kubernetes.yaml"
NAMED = "voting-load"
MASTER, WORKER = f"{NAMED}-master", f"{NAMED}-worker"
SCENARIOS = Path("/scenarios/scenarios.toml")
STARTS_SECONDS = 90.0
"""Time for pods to start, which may include pulling the image, and for workers to find the master."""
FETCH_SECONDS = 30.0
LOOK_SECONDS = 1.0
HOPELESS = frozenset({"CreateContainerConfigError", "CreateContainerError", "ErrImageNeverPull", "ErrImagePull", "ImagePullBackOff"})
"""Waiting reasons of containers that will not start by themselves."""


@contextmanager
def generating_in_cluster(installation: Installation, order: Order) -> Iterator[Generator]:
    """Run Locust in pods of a managed installation. After the block, however it ended, the results are in the folder of the order."""
    engine = engines.answering()
    build(engine, PROJECT, LOAD)
    load(installation.cluster, [reference(LOAD)], installation.settings.load_command)
    pods = Pods(installation, order)
    named = installation.image_name(LOAD)
    pods.begin(manifest(order, installation.prefix, installation.release.name, f"{named['repository']}:{named['tag']}"))
    try:
        yield pods
    finally:
        pods.end()


class Pods:
    """A running Locust master and its workers."""

    def __init__(self, installation: Installation, order: Order) -> None:
        self._installation, self._order = installation, order
        self._namespace = installation.namespace("frontend")
        self._log = order.folder / "locust.log"
        self._begun: list[str] = []
        self.look: Look = dict  # the usage probe of the installation sees these pods, too

    def begin(self, objects: Sequence[Any]) -> None:
        """Create the pods and wait until all of them run.

        Raises:
            HarnessError: a pod did not start.
        """
        with self._installation.cluster.client() as own, api_call("Locust's objects"):
            try:
                for one in objects:
                    utils.create_from_dict(own, one)  # type: ignore[no-untyped-call]
            except utils.FailToCreateError as refused:
                raise HarnessError(f"Cannot create the Locust pods: {refused}") from None
        wanted = self._order.processes + 1
        running = eventually(
            self._states, lambda states: len(states) == wanted and set(states.values()) == {"Running"}, within=STARTS_SECONDS,
            every=LOOK_SECONDS, never=lambda states: bool(HOPELESS & set(states.values())),
        )  # fmt: skip
        if not running.held:
            states = ", ".join(f"{name} {state}" for name, state in running.value.items()) or "no pod exists"
            raise HarnessError(
                f"Not all {wanted} Locust pods are running: {states}.", "no capacity, or no image", f"kubectl get pods -n {self._namespace}"
            )
        self._begun = sorted(running.value)

    def wait(self, seconds: float) -> None:
        """Wait until the schedule is over.

        Raises:
            HarnessError: Locust did not start, or did not end.
        """
        if gone := eventually(self._gone, bool, within=seconds, every=2 * LOOK_SECONDS).value:
            raise HarnessError(f"{' and '.join(gone)} ended before the schedule.", "", f"kubectl get events -n {self._namespace}")
        with closing(self._forward(next(name for name in self._begun if name.startswith(MASTER)))) as forward:
            ended = eventually(partial(_ended, forward), bool, within=STARTS_SECONDS + ENDS_SECONDS, every=LOOK_SECONDS)
        self._keep_log()
        if not ended.held:
            raise HarnessError(f"Locust did not end {STARTS_SECONDS + ENDS_SECONDS:.0f} s after its schedule.", "", f"less {self._log}")

    def end(self) -> None:
        """Stop the load if it still runs, and fetch the results of every pod.

        Raises:
            HarnessError: the results of a pod are lost, so its votes cannot be reconciled.
        """
        for name in self._begun:
            if name.startswith(MASTER):
                with suppress(ProbeError):  # a failure shows when the results are fetched
                    self._installation.cluster.run(self._namespace, name, "python", "-c", "import os; os.kill(1, 2)")
        for name in self._begun:  # the replacement of a lost pod has only later requests
            with closing(self._forward(name)) as forward:
                ended = eventually(partial(_ended, forward), bool, within=FETCH_SECONDS, every=LOOK_SECONDS)
                if not ended.held:
                    raise HarnessError(
                        f"Cannot fetch the request records of {name}: its votes cannot be reconciled.",
                        "the pod was deleted, or the cluster is down",
                        f"kubectl get events -n {self._namespace}",
                    )
                require_valid_exit(ended.value["code"], self._log)
                for file, size in ended.value["files"].items():
                    self._fetch(forward, file, size)

    def _fetch(self, forward: PortForward, file: str, size: int) -> None:
        into = self._order.folder / file
        if not into.resolve().is_relative_to(self._order.folder.resolve()):
            raise HarnessError(f"A Locust pod offers a file outside of its folder: {file}.")
        into.parent.mkdir(parents=True, exist_ok=True)
        try:
            with (
                httpx.stream("GET", f"http://127.0.0.1:{forward.port}/{file}", timeout=FETCH_SECONDS, trust_env=False) as answer,
                into.open("wb") as out,
            ):
                for chunk in answer.iter_bytes():
                    out.write(chunk)
        except httpx.HTTPError as error:
            raise HarnessError(f"Cannot fetch {file} from a Locust pod: {error}.") from None
        if into.stat().st_size != size:
            raise HarnessError(f"Only a part of {file} was fetched: {into.stat().st_size} of {size} bytes.")

    def _forward(self, name: str) -> PortForward:
        return PortForward(self._installation.cluster, self._namespace, lambda: name, in_pod.PORT)

    def _gone(self) -> list[str]:
        states = self._states()
        return [name for name in self._begun if states.get(name) != "Running"]

    def _states(self) -> dict[str, str]:
        """Return the phase of each pod, or why its container is waiting."""
        with api_call("Locust's pods"):
            pods = self._installation.cluster.core.list_namespaced_pod(
                self._namespace,
                label_selector="app.kubernetes.io/component in (load-master, load-worker)",
                _request_timeout=REQUEST_SECONDS,
            ).items
        return {pod.metadata.name: next(iter(waiting_reasons(pod)), pod.status.phase) for pod in pods}

    def _keep_log(self) -> None:
        """Save the logs of the pods."""
        with self._log.open("w", encoding="utf-8") as log:
            for name in reversed(self._begun):
                with suppress(ProbeError), api_call(f"the log of {name}"):
                    text = self._installation.cluster.core.read_namespaced_pod_log(name, self._namespace, _request_timeout=REQUEST_SECONDS)
                    log.write(f"{name}:\n{text}\n")


def manifest(order: Order, prefix: str, release: str, image: str) -> list[Any]:
    """Return the objects of `loadtests/kubernetes.yaml` for an order.

    Args:
        order: the work for Locust.
        prefix: prefix of the namespaces of the release.
        release: name of the release.
        image: image of Locust.
    """
    namespace = f"{prefix}-frontend"
    text = MANIFEST.read_text(encoding="utf-8").replace("voting-frontend", namespace)
    text = re.sub(r"(app.kubernetes.io/instance): voting$", rf"\1: {release}", text, flags=re.MULTILINE)
    objects: list[Any] = yaml.safe_load(text)["items"]
    jobs = {one["metadata"]["name"]: one["spec"] for one in objects if one["kind"] == "Job"}
    for job in jobs.values():
        job["template"]["spec"]["containers"][0]["image"] = image
    inner = replace(order, url=f"http://voting-api.{prefix}-api.svc:{PORTS['api']}")
    spread = ["--master", "--expect-workers", str(order.processes), "--expect-workers-max-wait", str(int(STARTS_SECONDS))]
    jobs[MASTER]["template"]["spec"]["containers"][0]["args"] = [*options(inner, SCENARIOS, in_pod.RESULTS), *spread]
    jobs[WORKER] |= {"parallelism": order.processes, "completions": order.processes}
    content = {SCENARIOS.name: order.scenarios.read_text(encoding="utf-8")}
    return [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAMED, "namespace": namespace}, "data": content}, *objects]


def _ended(forward: PortForward) -> Any:
    """Return the result that a finished pod serves, or None while it runs."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{forward.port}/{in_pod.ENDED}", timeout=REQUEST_SECONDS, trust_env=False)
    except httpx.HTTPError:
        return None
    return msgspec.json.decode(answer.content) if answer.status_code == httpx.codes.OK else None
