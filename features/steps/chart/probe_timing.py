"""Steps about the timing of probes: how long until a pod starts, becomes unready, is restarted, and shuts down."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from pytest_bdd import then

from features.support.chart import consumer_of, containers
from validation.core import protocol
from validation.probes.chart.manifests import Manifest
from validation.probes.chart.workloads import Container
from validation.probes.running import readiness
from validation.record.observe import Observe

NOTICED_SECONDS = 5
"""A start must be noticed within this time."""
SLOWEST: Mapping[str, float] = {
    "/ready": protocol.DEGRADED_ANSWER_SECONDS,
    "/health": 1,
    "redis-cli": 1,
    "python": 6,  # a new interpreter each time, under the CPU limit of its pod, which may wait for two servers
}
"""How long a correct response to a probe may take, in seconds, by path or program."""
OWN_TIMEOUT = re.compile(r"--timeout=(\d+)")
"""The timeout in the command of pg_isready."""


class Timing(NamedTuple):
    """The timing of a probe, with the defaults of Kubernetes.

    Attributes:
        period: seconds between two checks.
        timeout: seconds.
        failures: failures in a row until it has a consequence.
    """

    period: float
    timeout: float
    failures: int

    @classmethod
    def of(cls, probe: Mapping[str, Any]) -> "Timing":
        """Return the timing that a probe declares."""
        return cls(probe.get("periodSeconds", 10), probe.get("timeoutSeconds", 1), probe.get("failureThreshold", 3))

    @property
    def latest(self) -> float:
        """Seconds after which a lasting failure has had its consequence at the latest."""
        return self.period * self.failures + self.timeout

    @property
    def earliest(self) -> float:
        """Seconds that a failure may last without a consequence."""
        return self.period * (self.failures - 1)


@then("the probes and the grace period of each container allow these seconds")
def probe_seconds(rendered: tuple[Manifest, ...], datatable: list[list[str]], observe: Observe) -> None:
    found = {c.name: (w, c) for w, c in containers(rendered) if w.long_running}
    rows = {row[0]: [int(cell) for cell in row[1:]] for row in datatable[1:]}
    with observe.together():
        observe("long-running containers", expected=sorted(rows), observed=sorted(found))
        for name, (start, unready, survived, restart, shutdown) in rows.items():
            if name not in found:
                continue
            workload, container = found[name]
            timings = {probe: Timing.of(declared) for probe, declared in container.probes.items()}
            missing = Timing(0, 0, 0)
            startup, readiness_, liveness = (timings.get(p, missing) for p in ("startupProbe", "readinessProbe", "livenessProbe"))
            _at_least(observe, f"for {name} to start", start, startup.period * startup.failures)
            _at_most(observe, f"until the start of {name} is noticed", NOTICED_SECONDS, startup.period)
            _at_most(observe, f"until {name} is not ready", unready, readiness_.latest)
            _at_least(observe, f"of failures that {name} survives", survived, liveness.earliest)
            _at_most(observe, f"until a hung {name} is restarted", restart, liveness.latest)
            _at_least(observe, f"for {name} to shut down", shutdown, workload.pod.get("terminationGracePeriodSeconds", 30))


@then("the timeout of each probe is longer than a correct response may take")
def timeouts_suffice(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    checks = [
        (f"{name} of {c.name}", probe, _slowest(probe))
        for w, c in containers(rendered)
        if w.long_running
        for name, probe in c.probes.items()
        if not probe.get("tcpSocket")  # connecting to an open port takes no time
    ]
    with observe.together():
        observe("probes that wait for a response", expected="at least 10", observed=len(checks), holds=len(checks) >= 10)  # noqa: PLR2004
        for name, probe, slowest in checks:
            timeout = Timing.of(probe).timeout
            observe(f"timeout of the {name}, seconds", expected=f"above {slowest}", observed=timeout,
                    holds=slowest is not None and timeout > slowest, evidence=probe)  # fmt: skip


@then("the consumer's readiness probe is green with both servers and red without either")
def readiness_needs_both(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    command = _command(consumer_of(rendered))
    with observe.together():
        observe("exit code with both servers", expected=0, observed=readiness.ends_with(command), evidence=command)
        for variable in readiness.SERVERS:
            ended = readiness.ends_with(command, away=variable)
            observe(f"exit code without the server of {variable}", expected=1, observed=ended, remedy="chart/files/reachable.py")


def _command(container: Container) -> list[str]:
    return list((container.probes.get("readinessProbe", {}).get("exec") or {}).get("command") or ())


def _slowest(probe: Mapping[str, Any]) -> float | None:
    """Return how long a correct response may take, in seconds; None if that is not known."""
    if "httpGet" in probe:
        return SLOWEST.get(probe["httpGet"].get("path", ""))
    command = " ".join((probe.get("exec") or {}).get("command") or ())
    if declared := OWN_TIMEOUT.search(command):
        return float(declared[1])
    return next((seconds for program, seconds in SLOWEST.items() if program in command), None)


def _at_least(observe: Observe, what: str, fewest: float, seconds: float) -> None:
    observe(f"seconds {what}", expected=f"at least {fewest:g}", observed=seconds, holds=seconds >= fewest, remedy="chart/templates")


def _at_most(observe: Observe, what: str, most: float, seconds: float) -> None:
    observe(f"seconds {what}", expected=f"above 0, at most {most:g}", observed=seconds, holds=0 < seconds <= most, remedy="chart/templates")
