"""What a load run has found: the one structure that the verdict, the report and the comparison read. It is kept as `load.json`."""

from typing import Literal

import msgspec

Verdict = Literal["GO", "NO-GO", "INCOMPLETE"]


class Latency(msgspec.Struct, frozen=True):
    """The requests of one name behind the warm-up. Milliseconds count from the intended moment; `service_` from the sending."""

    name: str
    count: int
    failures: int
    rate: float
    p50: float
    p95: float
    p99: float
    p999: float
    max: float
    service_p50: float
    service_p95: float
    service_p99: float
    service_p999: float
    service_max: float
    histogram: list[tuple[float, int]]
    """Upper bound in ms and how many, on a log scale: some 60 steps."""


class Second(msgspec.Struct, frozen=True):
    """One second of the run, by the intended moment. `at` counts from the begin of the schedule; the warm-up is in it.

    Attributes:
        answered: all requests, whatever came of them; failed: those that were not answered as they should be.
    """

    at: int
    planned: float
    answered: int
    failed: int
    p50: float
    p95: float
    p99: float


class Sample(msgspec.Struct, frozen=True):
    """What the parts looked like at one moment.

    Attributes:
        at: seconds since the begin of the schedule.
        lag, pending: entries not yet delivered, and delivered but not acknowledged; None: could not be read.
        oldest: seconds that the oldest uncounted vote waits.
        cpu: of each part, in cores. memory: MiB. Parts: `api`, `consumer`, `redis`, `postgres`, `generator`.
    """

    at: float
    lag: int | None
    pending: int | None
    oldest: float | None
    cpu: dict[str, float]
    memory: dict[str, float]


class Books(msgspec.Struct, frozen=True):
    """The votes of the run beside the ledger, by id. What is listed is cut at 20.

    Attributes:
        accepted: distinct votes that were answered 201.
        unknown: votes that nobody answered; they were asked for again with their keys, and are then among the accepted.
        lost: accepted and not in the ledger. phantom: in the ledger since the run began, and never accepted.
        other: counted for another option. uncounted: by how much the counts of the options differ from the ledger's sums.
        count_p50, count_p95, count_max: ms from the answer to the row in the ledger.
        count_histogram: as that of `Latency`.
    """

    accepted: int
    unknown: int
    lost: int
    phantom: int
    other: int
    uncounted: int
    listed: list[str]
    count_p50: float
    count_p95: float
    count_max: float
    count_histogram: list[tuple[float, int]]


class Check(msgspec.Struct, frozen=True):
    """One limit: what was wanted and seen. `held` None: not proven, and `reason` says why.

    Attributes:
        kind: what it is about: how fast the system was, whether its votes add up, or whether the load was the one asked for.
    """

    what: str
    limit: str
    seen: str
    held: bool | None
    reason: str = ""
    kind: Literal["budget", "books", "generator"] = "budget"


class FaultRecord(msgspec.Struct, frozen=True):
    """A fault that came in the middle: seconds since the begin, how it took effect, and seconds until the latency was as before."""

    name: str
    begun: float
    ended: float
    seen: str
    recovered_after: float | None


class Knee(msgspec.Struct, frozen=True):
    """Up to which rate the system kept up, and what was at its limit beyond it.

    Attributes:
        rate: the highest rate of a step that was kept, in requests a second; 0: not even the first.
        first_broken: the rate of the first step that was not; None: the knee was not reached.
        saturated: the part at its limit there, with the measure: `api: 0.97 of a core`.
    """

    rate: float
    first_broken: float | None
    saturated: list[str]


class LoadResult(msgspec.Struct, frozen=True):
    """A load run.

    Attributes:
        planned: requests of the schedule; missed: those that were never sent.
        generator_busy: in cores, of the busiest process of the generator in its busiest second.
        interrupted: whether somebody ended it early.
    """

    run: str
    scenario: str
    title: str
    target: str
    started: str
    seconds: float
    warm_up: float
    verdict: Verdict
    checks: list[Check]
    latencies: list[Latency]
    timeline: list[Second]
    samples: list[Sample]
    books: Books | None
    knee: Knee | None
    faults: list[FaultRecord]
    planned: int
    missed: int
    processes: int
    generator_busy: float
    machine: dict[str, str]
    versions: dict[str, str]
    interrupted: bool = False
    schema_version: int = 1
