"""Steps about the figures of probes: how long a pod may take to start, to be taken out, to be started anew, and to end."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from pytest_bdd import then

from features.steps.chart.rendering import containers, part
from validation.core import protocol
from validation.probes.chart.manifests import Manifest
from validation.probes.chart.workloads import Container
from validation.probes.running import readiness
from validation.record.observe import Observe

ASKS_EVERY_SECONDS = 5
"""So late may it be noticed that a pod has started."""
SLOWEST: Mapping[str, float] = {
    "/ready": protocol.DEGRADED_ANSWER_SECONDS,
    "/health": 1,
    "redis-cli": 1,
    "python": 6,  # it starts anew each time, under the limit of its pod, and may wait for two servers
}
"""How long the right answer to a probe may take, in seconds, by what is asked."""
OWN_LIMIT = re.compile(r"--timeout=(\d+)")
"""Of pg_isready: where its command says so itself."""


class Figures(NamedTuple):
    """The figures of a probe, with the defaults of Kubernetes where it names none; in seconds, and a number of failures."""

    every: float
    waits: float
    failures: int

    @classmethod
    def of(cls, probe: Mapping[str, Any]) -> "Figures":
        """Read them."""
        return cls(probe.get("periodSeconds", 10), probe.get("timeoutSeconds", 1), probe.get("failureThreshold", 3))

    @property
    def latest(self) -> float:
        """After so many seconds at most a fault has had its consequence."""
        return self.every * self.failures + self.waits

    @property
    def earliest(self) -> float:
        """What is over after so many seconds has had none."""
        return self.every * (self.failures - 1)


@then("the probes of each, and its time to end, leave these seconds")
def probe_seconds(rendered: tuple[Manifest, ...], datatable: list[list[str]], observe: Observe) -> None:
    lasting = {c.name: (w, c) for w, c in containers(rendered) if w.long_running}
    rows = {row[0]: [int(cell) for cell in row[1:]] for row in datatable[1:]}
    with observe.together():
        observe("lasting containers", expected=sorted(rows), observed=sorted(lasting))
        for name, (start, out, patience, anew, end) in rows.items():
            if name not in lasting:
                continue
            workload, container = lasting[name]
            figures = {probe: Figures.of(declared) for probe, declared in container.probes.items()}
            nothing = Figures(0, 0, 0)
            begins, ready, alive = (figures.get(p, nothing) for p in ("startupProbe", "readinessProbe", "livenessProbe"))
            _at_least(observe, f"{name} has to start", start, begins.every * begins.failures)
            _at_most(observe, f"until a start of {name} is noticed", ASKS_EVERY_SECONDS, begins.every)
            _at_most(observe, f"until {name} is taken out", out, ready.latest)
            _at_least(observe, f"of wrong answers that {name} outlives", patience, alive.earliest)
            _at_most(observe, f"until a {name} that hangs is started anew", anew, alive.latest)
            _at_least(observe, f"{name} has to end", end, workload.pod.get("terminationGracePeriodSeconds", 30))


@then("each probe waits longer than the right answer may take")
def probes_wait(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    asked = [
        (f"{name} of {c.name}", probe, _slowest(probe))
        for w, c in containers(rendered)
        if w.long_running
        for name, probe in c.probes.items()
        if not probe.get("tcpSocket")  # a port that is open answers at once
    ]
    with observe.together():
        observe("probes that ask something", expected="at least 10", observed=len(asked), holds=len(asked) >= 10)  # noqa: PLR2004
        for told, probe, slowest in asked:
            waits = Figures.of(probe).waits
            observe(f"seconds that the {told} waits", expected=f"above {slowest}", observed=waits,
                    holds=slowest is not None and waits > slowest, evidence=str(probe))  # fmt: skip


@then("the consumer's readiness is green with both servers, and red without either")
def readiness_is_true(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    (container,) = [c for w, c in containers(rendered) if w.manifest.kind == "Deployment" and part(c) == "consumer"]
    command = _command(container)
    with observe.together():
        observe("exit code while both listen", expected=0, observed=readiness.ends_with(command), evidence=str(command))
        for variable in readiness.SERVERS:
            ended = readiness.ends_with(command, away=variable)
            observe(f"exit code while nothing listens at {variable}", expected=1, observed=ended, remedy="chart/files/reachable.py")


def _command(container: Container) -> list[str]:
    return list((container.probes.get("readinessProbe", {}).get("exec") or {}).get("command") or ())


def _slowest(probe: Mapping[str, Any]) -> float | None:
    """How long the right answer may take, in seconds; None: nobody has said."""
    if "httpGet" in probe:
        return SLOWEST.get(probe["httpGet"].get("path", ""))
    command = " ".join((probe.get("exec") or {}).get("command") or ())
    if own := OWN_LIMIT.search(command):
        return float(own[1])
    return next((seconds for program, seconds in SLOWEST.items() if program in command), None)


def _at_least(observe: Observe, what: str, fewest: float, seconds: float) -> None:
    observe(f"seconds {what}", expected=f"at least {fewest:g}", observed=seconds, holds=seconds >= fewest, remedy="chart/templates")


def _at_most(observe: Observe, what: str, most: float, seconds: float) -> None:
    observe(f"seconds {what}", expected=f"some, at most {most:g}", observed=seconds, holds=0 < seconds <= most, remedy="chart/templates")
