"""The system under load: a target, or, if a fault is to be injected, a fault environment whose parts are behind fault proxies."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anyio.from_thread import BlockingPortal

from validation.core.errors import NotProven
from validation.core.settings import RunSettings
from validation.faults.environment import FaultEnvironment
from validation.load.sampling.sampler import Look, parts_of
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.targets.base import Target
from validation.targets.launching import LaunchingTarget
from validation.targets.opening import open_target

if TYPE_CHECKING:
    from validation.targets.cluster.installation import Installation


@dataclass
class Loaded:
    """A system under load.

    Attributes:
        url: the API's address.
        look: what each part uses; those of somebody else are not seen.
        stream: the queue; None: nobody gave its address.
        store: the votes; None: nobody gave their address.
        environment: what faults befall; None: none is to come.
        installation: where the parts are pods; None: they are none.
        left: what could not be cleaned up, once it is over.
    """

    url: str
    look: Look
    stream: StreamProbe | None
    store: StoreProbe | None
    environment: FaultEnvironment | None = None
    installation: "Installation | None" = None
    left: list[str] = field(default_factory=list)


@contextmanager
def loaded(settings: RunSettings, portal: BlockingPortal, *, with_faults: bool) -> Iterator[Loaded]:
    """Start what is loaded, with somebody who counts; it is gone afterwards.

    Args:
        settings: where it runs.
        portal: runs the database's driver.
        with_faults: whether a fault is to come.
    """
    in_cluster = settings.target == "cluster" and not settings.api_url
    begin = _fault_environment if with_faults else _installation if in_cluster else _target
    with begin(settings, portal) as started:
        try:
            yield started
        finally:
            if started.stream:
                started.stream.close()


@contextmanager
def _fault_environment(settings: RunSettings, portal: BlockingPortal) -> Iterator[Loaded]:
    environment, made = FaultEnvironment(settings, portal), None
    try:
        environment.start()
        environment.watcher.stop()
        environment.workload.stop()  # the votes of the load are those to be reconciled
        consumers = {f"consumer {name}": child for name, child in zip("ab", environment.consumers, strict=True)}
        servers = {"redis": environment.target.redis.require_managed(), "postgres": environment.target.database.require_managed()}
        parts = {"api": environment.api.process, **consumers, **servers}
        processes = {name: lambda child=child: child.pid for name, child in parts.items()}
        made = Loaded(environment.api.url, parts_of(processes), StreamProbe(environment.target.redis.url), environment.store, environment)
        yield made
    finally:
        left = environment.close()
        if made:
            made.left += left


@contextmanager
def _installation(settings: RunSettings, portal: BlockingPortal) -> Iterator[Loaded]:
    from validation.load.sampling.kubelet import pods_of  # noqa: PLC0415
    from validation.targets.cluster.installation import Installation  # noqa: PLC0415 - the client takes a second to import

    installation = Installation(settings)
    with _started(installation, pods_of(installation), portal) as made:
        made.installation = installation
        yield made


@contextmanager
def _target(settings: RunSettings, portal: BlockingPortal) -> Iterator[Loaded]:
    target = open_target(settings)
    with _started(target, parts_of(_processes(target)), portal) as made:
        yield made


@contextmanager
def _started(target: Target, look: Look, portal: BlockingPortal) -> Iterator[Loaded]:
    made = None
    try:
        target.start()
        url = target.api.url
        stream = StreamProbe(target.redis.url) if target.redis.url else None
        store = StoreProbe(target.database.url, portal) if target.database.url else None
        if not target.settings.api_url:
            target.ensure_consumer()
        made = Loaded(url, look, stream, store)
        yield made
    finally:
        left = target.close()
        if made:
            made.left += left


def _processes(target: LaunchingTarget) -> dict[str, Callable[[], int]]:
    def consumer() -> int:
        if target.settings.api_url:  # asking for it would start one
            raise NotProven("The consumer is external.")
        return target.consumer.pid

    return {
        "api": lambda: target.api.process.pid,
        "consumer": consumer,
        "redis": lambda: target.redis.require_managed().pid,
        "postgres": lambda: target.database.require_managed().pid,
    }
