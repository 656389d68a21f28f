"""A load run as the pages and summaries get it: two names, a fault in the middle, something broken and something not proven."""

from msgspec import structs

from validation.load.result import Check, FaultRecord, Knee, Latency, LoadResult, Reconciliation, Sample, Second

SECONDS, WARM_UP = 20, 4
FAULT = FaultRecord("Redis is paused", 10.0, 14.0, "no answer to PING for 4 s", 2.5)
CHECKS = [
    Check("vote, p50", "at most 5 ms", "1.25 ms", True),
    Check("vote, p99", "at most 50 ms", "75 ms", False),
    Check("vote, rate", "at least 1000 per second", "1100 per second", True),
    Check("votes lost", "0", "2 of 20000", False, kind="reconciliation"),
    Check("memory of redis", "grows by at most 32 MiB", "nothing", None, "its process was not there"),
]
STEPS = [(1.0, 4000), (2.0, 11800), (4.0, 0), (640.0, 200)]
VOTE = Latency("vote", 16000, 12, 998.5, 1.25, 9.5, 75.0, 210.0, 640.0, 1.1, 8.0, 61.0, 205.0, 630.0, STEPS)
RECONCILED = Reconciliation(20000, 7, 2, 0, 0, 1, ["lost 01985f1e", "lost 01985f1f"], 30.0, 410.0, 900.0, [(40.0, 19000), (900.0, 1000)])


def seconds() -> list[Second]:
    return [Second(at, 1000.0, 1000 - at, 3 if at in {11, 12} else 0, 1.0 + at, 2.0 + at, 4.0 + at) for at in range(SECONDS)]


def samples() -> list[Sample]:
    """Every second one; the queue could not be read from 11 to 12."""
    return [
        Sample(
            float(at),
            None if at in {11, 12} else at * 10,
            None if at in {11, 12} else 5,
            None if at in {11, 12} else at / 10,
            {"api": 0.5, "redis": 0.1} if at not in {11, 12} else {"api": 0.5},
            {"api": 90.0 + at},
        )
        for at in range(SECONDS)
    ]


def result() -> LoadResult:
    return LoadResult(
        run="20261123-093000-aaaa",
        scenario="baseline",
        title="The rate that is promised",
        target="local",
        started="2026-11-23T09:30:00+00:00",
        seconds=float(SECONDS),
        warm_up=float(WARM_UP),
        verdict="NO-GO",
        checks=CHECKS,
        latencies=[VOTE, structs.replace(VOTE, name="results", count=40)],
        timeline=seconds(),
        samples=samples(),
        reconciliation=RECONCILED,
        knee=Knee(2500.0, 3000.0, ["api: 0.97 of a core"]),
        faults=[FAULT],
        planned=20000,
        missed=3,
        processes=2,
        generator_busy=0.62,
        machine={"cores": "2"},
        versions={"votecheck": "0.3.2", "locust": "2.43.1"},
    )


def nothing() -> LoadResult:
    """A run in which nothing was seen."""
    unread = structs.replace(result(), verdict="INCOMPLETE", checks=[], reconciliation=None, knee=None, faults=[], machine={}, versions={})
    return structs.replace(unread, latencies=[], timeline=[], samples=[])


def everywhere(text: str) -> LoadResult:
    """A run with a text in each field that holds one."""
    whole = result()
    return structs.replace(
        whole,
        run=text,
        scenario=text,
        title=text,
        target=text,
        started=text,
        checks=[Check(text, text, text, held, text) for held in (True, False, None)],
        latencies=[structs.replace(VOTE, name=text)],
        samples=[structs.replace(s, cpu={text: 0.5}, memory={text: 9.0}) for s in whole.samples],
        reconciliation=structs.replace(RECONCILED, listed=[text]),
        knee=Knee(2500.0, 3000.0, [text]),
        faults=[structs.replace(FAULT, name=text, seen=text)],
        machine={text: text},
        versions={text: text},
    )
