"""What every target offers: the addresses of its parts, so that steps and load can vote and observe.

`Target` only votes and observes; an installation in a cluster is one. `launching.LaunchingTarget` also starts, stops and breaks parts.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from validation.core.errors import NotProven, TargetUnavailable
from validation.core.settings import RunSettings
from validation.core.waiting import eventually
from validation.targets.process import Child

SERVER_START_SECONDS = 20.0


@dataclass
class Server:
    """Redis or PostgreSQL: managed, with a process, or external, with only a URL.

    Raises:
        NotProven: from every method that would change an external server.
    """

    name: str
    url: str
    child: Child | None = None
    ready: Callable[[Child], bool] = lambda child: "ready to accept connections" in child.output().lower()

    def require_managed(self) -> Child:
        """Return the server's process. Only a server that a LaunchingTarget started has one."""
        if self.child is None:
            raise NotProven(f"votecheck did not launch this {self.name}, so it only reads it. Try: votecheck run --target local")
        return self.child

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        child = self.require_managed()
        child.start()
        ready = eventually(
            lambda: self.ready(child),
            bool,
            within=SERVER_START_SECONDS,
            never=lambda _: not child.alive,
        )
        if not ready.held:
            raise TargetUnavailable(
                f"{self.name} did not start: {child.output().strip()[-400:]}", "a port in use, or a full disk", "votecheck doctor"
            )

    def restore(self) -> None:
        """Resume or restart the server."""
        child = self.require_managed()
        child.resume()
        if not child.alive:
            self.start()

    def stop(self) -> None:
        """Shut the server down cleanly; its data stays."""
        self.require_managed().stop()

    def pause(self) -> None:
        """Freeze the server: it accepts connections and answers nothing."""
        self.require_managed().pause()


@dataclass(frozen=True, slots=True)
class Api:
    """A running API: its URL and, if managed, its process."""

    url: str
    child: Child | None = None

    @property
    def process(self) -> Child:
        """The API's process.

        Raises:
            NotProven: the API is external.
        """
        if self.child is None:
            raise NotProven("This API is external: votecheck cannot see its process or its log. Try: votecheck run --target local")
        return self.child


class Target(ABC):
    """A running system under test, to vote on and to observe. `start` makes it usable; `close` removes everything and returns leftovers."""

    def __init__(self, settings: RunSettings) -> None:
        self.settings = settings

    @property
    def source(self) -> Path:
        """The folder whose system is validated."""
        return self.settings.source

    @abstractmethod
    def start(self) -> None:
        """Make the system usable: servers, schema, and what else the target needs."""

    @abstractmethod
    def close(self) -> list[str]:
        """Remove everything this target started and return what could not be removed."""

    @property
    @abstractmethod
    def redis(self) -> Server:
        """The Redis that holds the stream."""

    @property
    @abstractmethod
    def database(self) -> Server:
        """The PostgreSQL that holds the votes."""

    @property
    @abstractmethod
    def api(self) -> Api:
        """The API that voters use, started on first access."""

    def images(self) -> dict[str, str]:
        """Return the digest of each image that runs here, by its name; empty if nothing runs from images."""
        return {}

    @abstractmethod
    def ensure_consumer(self) -> None:
        """Make sure that a consumer counts the votes.

        Raises:
            NotProven: no consumer is ready.
        """

    @abstractmethod
    def require_allowed_origin(self, origin: str) -> None:
        """Make sure that browsers of an origin may vote here.

        Raises:
            NotProven: the configuration does not allow the origin.
        """
