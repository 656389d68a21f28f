"""Runs Locust in pods of the cluster that it loads, a master and its workers, and brings home what they noted before they go.

They come from `loadtests/kubernetes.yaml`, as anybody can start them by hand, and go with the namespaces of the installation.
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
from validation.load.generators.local import ENDS_SECONDS, Generator, Order, demand_good, options
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
"""Until the pods run, which may have to fetch the image, and the workers have found the master."""
FETCH_SECONDS = 30.0
LOOK_SECONDS = 1.0
HOPELESS = frozenset({"CreateContainerConfigError", "CreateContainerError", "ErrImageNeverPull", "ErrImagePull", "ImagePullBackOff"})
"""Why a container waits that will not start by itself."""


@contextmanager
def generating_inside(installation: Installation, order: Order) -> Iterator[Generator]:
    """Run Locust in pods of an installation of ours. After the block, whatever ended it, what they noted is in the order's folder."""
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
    """A master and its workers, at work."""

    def __init__(self, installation: Installation, order: Order) -> None:
        self._installation, self._order = installation, order
        self._namespace = installation.namespace("frontend")
        self._log = order.folder / "locust.log"
        self._begun: list[str] = []
        self.look: Look = dict  # the installation's own look sees these pods, too

    def begin(self, objects: Sequence[Any]) -> None:
        """Make the pods, and wait until all of them run.

        Raises:
            HarnessError: one does not start.
        """
        with self._installation.cluster.client() as own, api_call("Locust's objects"):
            try:
                for one in objects:
                    utils.create_from_dict(own, one)  # type: ignore[no-untyped-call]
            except utils.FailToCreateError as refused:
                raise HarnessError(f"Locust's pods could not be made: {refused}") from None
        wanted = self._order.processes + 1
        running = eventually(
            self._states, lambda states: len(states) == wanted and set(states.values()) == {"Running"}, within=STARTS_SECONDS,
            every=LOOK_SECONDS, never=lambda states: bool(HOPELESS & set(states.values())),
        )  # fmt: skip
        if not running.held:
            told = ", ".join(f"{name} {state}" for name, state in running.value.items()) or "there are none"
            raise HarnessError(
                f"Of {wanted} pods of Locust not all run: {told}.", "no room, or no image", f"kubectl get pods -n {self._namespace}"
            )
        self._begun = sorted(running.value)

    def wait(self, seconds: float) -> None:
        """Wait until the schedule is over.

        Raises:
            HarnessError: it could not begin, or did not end.
        """
        if gone := eventually(self._gone, bool, within=seconds, every=2 * LOOK_SECONDS).value:
            raise HarnessError(f"{' and '.join(gone)} ended before the schedule.", "", f"kubectl get events -n {self._namespace}")
        with closing(self._forward(next(name for name in self._begun if name.startswith(MASTER)))) as forward:
            ended = eventually(partial(_ended, forward), bool, within=STARTS_SECONDS + ENDS_SECONDS, every=LOOK_SECONDS)
        self._keep_log()
        if not ended.held:
            raise HarnessError(f"Locust did not end {STARTS_SECONDS + ENDS_SECONDS:.0f} s after its schedule.", "", f"less {self._log}")

    def end(self) -> None:
        """End the load, if it goes on, and bring home what every pod noted.

        Raises:
            HarnessError: some pod's notes are lost, and with them what is to be reconciled.
        """
        for name in self._begun:
            if name.startswith(MASTER):
                with suppress(ProbeError):  # whatever it is, it is seen when its notes are fetched
                    self._installation.cluster.run(self._namespace, name, "python", "-c", "import os; os.kill(1, 2)")
        for name in self._begun:  # a pod in the place of one that is gone has noted only what came later
            with closing(self._forward(name)) as forward:
                ended = eventually(partial(_ended, forward), bool, within=FETCH_SECONDS, every=LOOK_SECONDS)
                if not ended.held:
                    raise HarnessError(
                        f"What {name} noted of its requests could not be fetched: its votes cannot be looked up.",
                        "the pod was ended, or the cluster is down",
                        f"kubectl get events -n {self._namespace}",
                    )
                demand_good(ended.value["code"], self._log)
                for file, size in ended.value["files"].items():
                    self._fetch(forward, file, size)

    def _fetch(self, forward: PortForward, file: str, size: int) -> None:
        into = self._order.folder / file
        if not into.resolve().is_relative_to(self._order.folder.resolve()):
            raise HarnessError(f"A pod of Locust offers a file outside of its folder: {file}.")
        into.parent.mkdir(parents=True, exist_ok=True)
        try:
            with (
                httpx.stream("GET", f"http://127.0.0.1:{forward.port}/{file}", timeout=FETCH_SECONDS, trust_env=False) as answer,
                into.open("wb") as out,
            ):
                for chunk in answer.iter_bytes():
                    out.write(chunk)
        except httpx.HTTPError as error:
            raise HarnessError(f"{file} could not be fetched from a pod of Locust: {error}.") from None
        if into.stat().st_size != size:
            raise HarnessError(f"{file} was fetched in part: {into.stat().st_size} of {size} bytes.")

    def _forward(self, name: str) -> PortForward:
        return PortForward(self._installation.cluster, self._namespace, lambda: name, in_pod.PORT)

    def _gone(self) -> list[str]:
        states = self._states()
        return [name for name in self._begun if states.get(name) != "Running"]

    def _states(self) -> dict[str, str]:
        """Say how each pod does: its phase, or why its container waits."""
        with api_call("Locust's pods"):
            pods = self._installation.cluster.core.list_namespaced_pod(
                self._namespace,
                label_selector="app.kubernetes.io/component in (load-master, load-worker)",
                _request_timeout=REQUEST_SECONDS,
            ).items
        return {pod.metadata.name: next(iter(waiting_reasons(pod)), pod.status.phase) for pod in pods}

    def _keep_log(self) -> None:
        """Keep what the pods printed."""
        with self._log.open("w", encoding="utf-8") as log:
            for name in reversed(self._begun):
                with suppress(ProbeError), api_call(f"the log of {name}"):
                    told = self._installation.cluster.core.read_namespaced_pod_log(name, self._namespace, _request_timeout=REQUEST_SECONDS)
                    log.write(f"{name}:\n{told}\n")


def manifest(order: Order, prefix: str, release: str, image: str) -> list[Any]:
    """Give the objects of `loadtests/kubernetes.yaml` for an order.

    Args:
        order: what Locust is to do.
        prefix: what the names of the release's namespaces begin with.
        release: its name.
        image: Locust's image.
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
    """Give what a pod says of its end; None: nothing yet."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{forward.port}/{in_pod.ENDED}", timeout=REQUEST_SECONDS, trust_env=False)
    except httpx.HTTPError:
        return None
    return msgspec.json.decode(answer.content) if answer.status_code == httpx.codes.OK else None
