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
from validation.targets.launching import LaunchingTarget
from validation.targets.opening import open_target

if TYPE_CHECKING:
    from validation.targets.base import Target
    from validation.targets.cluster.installation import Installation


@dataclass
class Loaded:
    """A system under load.

    Attributes:
        url: base URL of the API.
        look: the probe of CPU time and memory. External parts are not measured.
        stream: the stream; None if no URL was given.
        store: the database; None if no URL was given.
        environment: the fault environment; None if no fault is to be injected.
        installation: the installation; None unless the parts are pods.
        left: leftovers of the cleanup.
    """

    url: str
    look: Look
    stream: StreamProbe | None
    store: StoreProbe | None
    environment: FaultEnvironment | None = None
    installation: "Installation | None" = None
    left: list[str] = field(default_factory=list)

    def opened_stream(self) -> StreamProbe:
        """Return the stream.

        Raises:
            NotProven: no URL was given.
        """
        return self.stream or StreamProbe("")

    def opened_store(self) -> StoreProbe:
        """Return the database.

        Raises:
            NotProven: no URL was given.
        """
        if self.store is None:
            raise NotProven("The database cannot be read: no --database-url was given.")
        return self.store


@contextmanager
def loaded(settings: RunSettings, portal: BlockingPortal, *, with_faults: bool) -> Iterator[Loaded]:
    """Start the system under load with a consumer, and clean it up after the block.

    Args:
        settings: the settings of the run.
        portal: runs the asynchronous database driver.
        with_faults: whether a fault is to be injected.
    """
    with (_fault_environment if with_faults else _target)(settings, portal) as started:
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
        environment.workload.stop()  # only the votes of the load are to be reconciled
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
def _target(settings: RunSettings, portal: BlockingPortal) -> Iterator[Loaded]:
    target, look, installation = _choose_target(settings)
    made = None
    try:
        target.start()
        url = target.api.url
        stream = StreamProbe(target.redis.url) if target.redis.url else None
        store = StoreProbe(target.database.url, portal) if target.database.url else None
        if not settings.api_url:
            target.ensure_consumer()
        made = Loaded(url, look, stream, store, installation=installation)
        yield made
    finally:
        left = target.close()
        if made:
            made.left += left


def _choose_target(settings: RunSettings) -> "tuple[Target, Look, Installation | None]":
    """Return the target, what samples its parts, and the installation if that is the target."""
    if settings.target == "cluster" and not settings.api_url:
        from validation.load.sampling.kubelet import pods_of  # noqa: PLC0415
        from validation.targets.cluster.installation import Installation  # noqa: PLC0415 - the client takes a second to import

        installation = Installation(settings)
        return installation, pods_of(installation), installation
    target = open_target(settings)
    return target, parts_of(_processes(target)), None


def _processes(target: LaunchingTarget) -> dict[str, Callable[[], int]]:
    def consumer() -> int:
        if target.settings.api_url:  # reading `target.consumer` would start one
            raise NotProven("The consumer is external.")
        return target.consumer.pid

    return {
        "api": lambda: target.api.process.pid,
        "consumer": consumer,
        "redis": lambda: target.redis.require_managed().pid,
        "postgres": lambda: target.database.require_managed().pid,
    }
