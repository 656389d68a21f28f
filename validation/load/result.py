"""The result of a load run, stored as `load.json`. The verdict, the report and the comparison read nothing else."""

from typing import Literal

import msgspec

from validation.probes.running.host import Use

Verdict = Literal["PASSED", "NO-GO", "INCOMPLETE", "PARTIAL"]
"""GO is for releases, and no load run clears one. PARTIAL: everything held, under less load than the scenario's."""


class Latency(msgspec.Struct, frozen=True):
    """The requests of one name after the warm-up. Milliseconds count from the scheduled time; `service_` from sending."""

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
    """Upper bound in ms and count, on a log scale of about 60 steps."""


class Second(msgspec.Struct, frozen=True):
    """One second of the run, by scheduled time. `at` counts from the start of the schedule, warm-up included.

    Attributes:
        answered: all requests, successful or not; failed: those without the expected response.
    """

    at: int
    planned: float
    answered: int
    failed: int
    p50: float
    p95: float
    p99: float


class Sample(msgspec.Struct, frozen=True):
    """The state of the system at one moment.

    Attributes:
        at: seconds since the start of the schedule.
        lag, pending: entries not delivered yet, and pending entries; None if they could not be read.
        oldest: age of the oldest uncounted vote, in seconds.
        cpu, memory: CPU use in cores and memory in MiB of each part: `api`, `consumer`, `redis`, `postgres`, `generator`.
        host: what the machine of the harness did since the sample before.
    """

    at: float
    lag: int | None
    pending: int | None
    oldest: float | None
    cpu: dict[str, float]
    memory: dict[str, float]
    host: Use | None = None


class Reconciliation(msgspec.Struct, frozen=True):
    """The votes of the run compared with the ledger, by id.

    Attributes:
        accepted: distinct votes answered with 201.
        unanswered: votes without a response. They were sent again with their keys, and are accepted if that got a 201.
        lost: accepted and not in the ledger.
        never_accepted: in the ledger since the run began, and never accepted.
        wrong_option: counted for another option.
        count_difference: difference between the counts of the options and the sums of the ledger.
        listed: the first 20 wrong votes.
        count_p50, count_p95, count_max: ms from the response to the row in the ledger.
        count_histogram: like that of `Latency`.
        hops: the first 200 wrong votes, counted by what became of them and the hop at which they were last seen.
    """

    accepted: int
    unanswered: int
    lost: int
    never_accepted: int
    wrong_option: int
    count_difference: int
    listed: list[str]
    count_p50: float
    count_p95: float
    count_max: float
    count_histogram: list[tuple[float, int]]
    hops: dict[str, int] = {}


class Check(msgspec.Struct, frozen=True):
    """One limit and what was observed.

    Attributes:
        held: whether the limit held; None if that is not proven, with the reason in `reason`.
        timed: whether only the time decides, so that a limit broken while others saturated this machine proves nothing.
        kind: `budget` (speed of the system), `reconciliation` (every vote counted once) or `generator` (the load was as requested).
    """

    what: str
    limit: str
    seen: str
    held: bool | None
    reason: str = ""
    kind: Literal["budget", "reconciliation", "generator"] = "budget"
    timed: bool = False


class FaultRecord(msgspec.Struct, frozen=True):
    """A fault during the run: its times in seconds since the start, its effect, and the seconds until the latency recovered."""

    name: str
    begun: float
    ended: float
    seen: str
    recovered_after: float | None


class Knee(msgspec.Struct, frozen=True):
    """The highest rate that the system kept up with, and what was saturated above it.

    Attributes:
        rate: highest sustained rate in requests per second; 0 if not even the first step was sustained.
        first_broken: first rate that was not sustained; None if the knee was not reached.
        saturated: the saturated parts with their load, such as `api: 0.97 of a core`.
    """

    rate: float
    first_broken: float | None
    saturated: list[str]


class LoadResult(msgspec.Struct, frozen=True):
    """A load run.

    Attributes:
        planned, missed: requests in the schedule, and those of them that were never sent.
        generator_busy: CPU use of the busiest generator process in its busiest second, in cores.
        interrupted: whether the run was stopped early.
        host: what the machine of the harness did after the warm-up, on average.
        reductions: what the options left out of the scenario, one sentence each.
        command: repeats the run. `$NAME` stands for a URL with a password.
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
    reconciliation: Reconciliation | None
    knee: Knee | None
    faults: list[FaultRecord]
    planned: int
    missed: int
    processes: int
    generator_busy: float
    machine: dict[str, str]
    versions: dict[str, str]
    interrupted: bool = False
    host: Use | None = None
    reductions: list[str] = []
    command: str = ""
    schema_version: int = 3
