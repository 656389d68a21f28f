"""The client of the event stream in an example, and the comparison of what arrives there."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from validation.model.clients import Request
from validation.model.comparing import Compare
from validation.model.parts import Part
from validation.model.results import Bounds, check, counts_in, went_down
from validation.model.state import FRESH_SECONDS, Model
from validation.probes.running.event_stream import EventStream

OK = 200
ARRIVAL_SECONDS = 1.0
"""Allowed for an event between its reading and its arrival, on a machine that may be busy."""
KIND = "event stream"


@dataclass
class Watching:
    """A client that follows the results over several connections, one after the other.

    Attributes:
        api: the API that it is connected to.
        request: what it asked with.
        watch: the connection.
        known_id: the id of the last event of earlier connections; empty without one.
        ids: counts → id of the event that showed them.
        checked: how many events of the connection were checked.
    """

    compare: Compare
    model: Model
    api: Part
    request: Request
    watch: EventStream
    known_id: str = ""
    ids: dict[str, str] = field(default_factory=dict)
    checked: int = 0

    @classmethod
    def connected(cls, compare: Compare, model: Model, api: Part, request: Request) -> "Watching":
        """Connect to an API for the first time."""
        client = cls(compare, model, api, request, _followed(api, request))
        client._check_answer()
        return client

    @property
    def last_id(self) -> str:
        """The id of the last event that arrived; empty without one."""
        return self.watch.results[-1].identifier if self.watch.results else self.known_id

    @property
    def shown(self) -> dict[str, int]:
        """The counts of the last event of this connection; empty without one."""
        return counts_in(self.watch.results[-1].data) if self.watch.results else {}

    def knows(self, counts: Mapping[str, int]) -> bool:
        """Return whether the client has seen these counts before it connected and nothing since, so that nothing need arrive."""
        return not self.watch.results and bool(self.known_id) and self.known_id == self.ids.get(_named(counts))

    def reconnect(self, api: Part, request: Request, *, anew: bool = False) -> None:
        """End the connection and open another, of the same client or of a new one."""
        self.disconnect()
        self.connect(api, request, anew=anew)

    def disconnect(self) -> None:
        """End the connection."""
        self.check()
        self.watch.close()
        self.check()

    def connect(self, api: Part, request: Request, *, anew: bool = False) -> None:
        """Open another connection."""
        self.known_id, self.checked = "" if anew else self.last_id, 0
        self.api, self.request, self.watch = api, request, _followed(api, request)
        self._check_answer()

    def check(self) -> None:
        """Check the events that have arrived since the last time.

        Raises:
            Differs: one is wrong.
        """
        compare, api, events = self.compare, self.api, self.watch.results
        for number in range(self.checked, len(events)):
            event, where = events[number], f"event {number + 1} of {api.name}"
            compare(KIND, f"fields of {where}", ["data", "id", "retry"], sorted(event.fields))
            compare(KIND, f"retry of {where}", "2000", event.fields["retry"])
            at_least = self.model.at_least(event.arrived - ARRIVAL_SECONDS)
            read = read_between(api, event.wall - FRESH_SECONDS - ARRIVAL_SECONDS, event.wall)
            counts = check(compare, event.data, Bounds(self.model.options, at_least, self.model.at_most, read), where)
            identifier = event.identifier
            compare(
                KIND,
                f"id of {where}, like that of an earlier event with its counts",
                self.ids.setdefault(_named(counts), identifier),
                identifier,
            )
            if number:
                earlier = counts_in(events[number - 1].data)
                compare(KIND, f"options whose count went down in {where}", [], went_down(earlier, counts))
                compare(
                    KIND,
                    f"counts of {where}, after an event",
                    "other counts",
                    counts,
                    holds=counts != earlier or event.resumed,
                )
            else:
                compare(KIND, f"id of {where}, the first since the client connected", "not the one that it knows", identifier,
                        holds=identifier != self.known_id or event.resumed)  # fmt: skip
        self.checked = len(events)

    def _check_answer(self) -> None:
        watch, compare = self.watch, self.compare
        compare(KIND, f"status of the event stream of {self.api.name}", OK, watch.status)
        compare(
            KIND, "Content-Type of the event stream", "text/event-stream", watch.response_headers.get("content-type", "").partition(";")[0]
        )
        compare("headers", "X-Request-ID of the event stream", self.request.id, watch.response_headers.get("x-request-id"))


def _followed(api: Part, request: Request) -> EventStream:
    """Return a connection to the event stream of which the response has begun, or will not."""
    watch = EventStream(f"{api.url}{request.path}", {"X-Request-ID": request.id, **request.headers})
    watch.start()
    watch.wait_for_response()
    return watch


def read_between(api: Part, earliest: float, latest: float) -> tuple[float, float]:
    """Return when the database may have been read, by the clock of an API that may have been set meanwhile."""
    offsets = api.offsets_since(time.monotonic() - (time.time() - earliest))
    return earliest + min(offsets), latest + max(offsets)


def _named(counts: Mapping[str, int]) -> str:
    return str(sorted(counts.items()))
