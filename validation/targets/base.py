"""What every target hands out. Steps ask for parts and addresses, and never for a target by name."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from validation.core.errors import NotProven, TargetUnavailable
from validation.core.settings import RunSettings
from validation.core.waiting import eventually
from validation.targets.local.process import Child

if TYPE_CHECKING:
    import subprocess

SERVER_START_SECONDS = 20.0


@dataclass
class Server:
    """Redis or PostgreSQL: ours, with a process, or somebody else's, with an address only.

    Raises:
        NotProven: from every method that would change a server that is not ours.
    """

    name: str
    url: str
    child: Child | None = None
    ready: Callable[[Child], bool] = lambda child: "ready to accept connections" in child.output().lower()

    def must_be_ours(self) -> Child:
        """Give its process, or refuse."""
        if self.child is None:
            raise NotProven(f"This {self.name} is somebody else's: it is voted on and read, and nothing else.")
        return self.child

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        child = self.must_be_ours()
        child.start()
        ready = eventually(
            lambda: self.ready(child),
            bool,
            within=SERVER_START_SECONDS,
            never=lambda _: not child.alive,
        )
        if not ready.held:
            raise TargetUnavailable(
                f"{self.name} did not start: {child.output().strip()[-400:]}", "a taken port, or a full disk", "votecheck doctor"
            )

    def restore(self) -> None:
        """Bring it back, whatever was done to it."""
        child = self.must_be_ours()
        child.resume()
        if not child.alive:
            self.start()

    def stop(self) -> None:
        """End it in order; its data stays."""
        self.must_be_ours().stop()

    def pause(self) -> None:
        """Freeze it: it takes connections and answers nothing."""
        self.must_be_ours().pause()


@dataclass(frozen=True, slots=True)
class Api:
    """A running API: its address and, where it is ours, its process."""

    url: str
    child: Child | None = None

    @property
    def process(self) -> Child:
        """Its process.

        Raises:
            NotProven: it is somebody else's.
        """
        if self.child is None:
            raise NotProven("This API is somebody else's: its process and log cannot be seen.")
        return self.child


class Target(ABC):
    """A place where the system runs. `start` makes it usable, `close` takes everything away and tells what is left.

    Attributes:
        links_host: the address of this machine at which the parts reach what the harness itself listens on; empty: there is none.
        starts_fast: whether a part starts so fast that a sweep can kill it at each point in every way.
    """

    links_host = "127.0.0.1"
    starts_fast = True

    def __init__(self, settings: RunSettings) -> None:
        self.settings = settings

    @property
    def source(self) -> Path:
        """The folder whose system is judged."""
        return self.settings.source

    @abstractmethod
    def start(self) -> None:
        """Bring up the servers and the schema."""

    @abstractmethod
    def close(self) -> list[str]:
        """Take everything away; tell what could not be."""

    @property
    @abstractmethod
    def redis(self) -> Server:
        """The Redis with the stream."""

    @property
    @abstractmethod
    def database(self) -> Server:
        """The PostgreSQL with the votes."""

    @property
    @abstractmethod
    def api(self) -> Api:
        """The API that voters use, started when first asked for."""

    @property
    @abstractmethod
    def consumer(self) -> Child:
        """The consumer that counts the voters' votes, started when first asked for."""

    def count_votes(self) -> None:
        """Make sure that somebody counts what the voters cast."""
        _ = self.consumer

    def must_allow(self, origin: str) -> None:  # noqa: B027 - only somebody else can forbid it
        """Make sure that browsers of an origin may vote here; where the harness starts the API, it says so itself.

        Raises:
            NotProven: they may not, as somebody else wants it.
        """

    @abstractmethod
    def new_api(self, env: Mapping[str, str]) -> Api:
        """Prepare, but do not start, one more API with variables of its own."""

    @abstractmethod
    def new_consumer(self, env: Mapping[str, str]) -> Child:
        """Prepare, but do not start, one more consumer with variables of its own."""

    def in_image(self, part: str, *command: str, within: float) -> "subprocess.CompletedProcess[str]":  # noqa: ARG002 - for targets with images
        """Run a command in a fresh container of a part's image; `python` is the image's own.

        Raises:
            NotProven: this target has no images.
            ProbeError: the engine could not run it.
        """
        raise NotProven(f"The {part} runs from no image here. Next: votecheck run --target containers")
