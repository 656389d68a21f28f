"""Many clients of one API at once, each of whose requests can be told from all others."""

import itertools
import secrets
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from features.support.apart import OPTIONS, Apart
from features.support.pipelining import Request, Response
from validation.probes.running.stream import StreamProbe
from validation.targets.base import Api

BATCH = 10
UNAVAILABLE, ACCEPTED, REUSED = 503, 201, 422
KEY_FILLER = "k" * 200


@dataclass
class Crowd:
    """Many clients of one API.

    Attributes:
        expected: the status that each request should get, by its id.
        pairs: each request with its response.
        late: those among them that were sent while Redis was frozen.
        errors: what kept clients from reading their responses.
    """

    apart: Apart
    api: Api
    stream: StreamProbe
    mark: str = field(default_factory=lambda: secrets.token_hex(4))
    numbers: Iterator[int] = field(default_factory=itertools.count)
    expected: dict[str, int] = field(default_factory=dict)
    pairs: list[tuple[Request, Response]] = field(default_factory=list)
    late: list[tuple[Request, Response]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def request(self, line: str, status: int, option: str = "", key: str = "") -> Request:
        """Return a request with an id of its own, and remember the status that it should get."""
        request = Request(f"{self.mark}-{next(self.numbers)}", line, option, key)
        self.expected[request.identity] = status
        return request

    def batch(self, number: int) -> list[Request]:
        """Return one batch with each kind of request. Keys differ in their last letter, or in its case, only."""
        key, vote = f"{KEY_FILLER}{self.mark}-{number}-", "POST /api/vote"
        one, other, third = (OPTIONS[(number + shift) % 3] for shift in range(3))
        return [
            self.request(vote, ACCEPTED, one, f"{key}a"),
            self.request(vote, ACCEPTED, other, f"{key}A"),
            self.request("GET /api/results", 200),
            self.request(vote, ACCEPTED, third),
            self.request(vote, REUSED, third, f"{key}a"),
            self.request("GET /health", 200),
            self.request(vote, ACCEPTED, one, f"{key}a"),
            self.request(vote, 422, "birds", f"{key}b"),
            self.request("GET /nowhere", 404),
            self.request(vote, ACCEPTED, third, f"{key}b"),
        ]

    def open_keys(self) -> set[str]:
        """Return the keys that were sent with several options, and for one of them in vain: any of their requests may be the first."""
        options = defaultdict(set)
        for request, _ in self.pairs:
            options[request.key].add(request.option)
        refused = {request.key for request, response in self.pairs if request.key and response.status == UNAVAILABLE}
        return {key for key in refused if len(options[key]) > 1}
