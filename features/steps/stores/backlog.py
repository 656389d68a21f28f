"""Steps about votes that wait: what they cost while nobody can count them."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pytest_bdd import given, parsers, then, when

from features.support.api import UNREACHABLE
from features.support.consumers import Running
from features.support.long_life.own_system import OwnSystem
from features.support.long_life.promises import MEMORY_MAX
from features.support.long_life.visitors import Visitors
from validation.core import protocol
from validation.core.growth import trend
from validation.core.settings import RunSettings
from validation.core.waiting import eventually
from validation.probes.running import footprint
from validation.probes.running.http import HttpProbe
from validation.probes.running.metrics import samples
from validation.record.observe import Observe
from validation.targets.base import Api
from validation.targets.ports import free_port

STEP = 8000
MEASURED_SECONDS, COUNTED_SECONDS = 30.0, 180.0
LIMITS = {"bytes that Redis sends for one measurement": 1.0, "memory of the consumer": 64.0, "memory of the API": 64.0}
"""Bytes for each vote that waits. An entry has about 150."""
REMEDY = "system/consumer/backlog.py: what a measurement reads"


@dataclass
class Backlog:
    """A consumer that cannot count, an API, and what was measured with each backlog.

    Attributes:
        entries: votes put into the stream.
        points: subject → the value with each backlog.
    """

    system: OwnSystem
    api: Api
    consumer: Running
    visitors: Visitors
    entries: int = 0
    points: dict[str, list[float]] = field(default_factory=dict)
    waiting: list[float] = field(default_factory=list)
    most: dict[str, int] = field(default_factory=lambda: dict.fromkeys(MEMORY_MAX, 0))

    @property
    def cast(self) -> int:
        """Every vote that must be counted in the end."""
        return self.entries + self.visitors.statuses[201]

    def grow(self, count: int) -> None:
        """Add votes to the stream, half of them read by a consumer that dies, and one that is cast."""
        if count:
            self.system.keys.add_votes(protocol.STREAM, f"backlog {self.entries} ", count, protocol.OPTIONS)
            self.system.stream.deliver(protocol.STREAM, protocol.GROUP, "votecheck-dead", count // 2)
        self.entries += count
        self.visitors.vote(1)

    def measure(self) -> None:
        """Wait until the consumer shows this backlog, and note what that took."""
        sent = self._sent()
        highest = dict.fromkeys(MEMORY_MAX, 0)

        def shown() -> float:
            for part, child in (("API", self.api.process), ("consumer", self.consumer.child)):
                highest[part] = max(highest[part], footprint.of(child.pid).memory)
            found = self.shown()
            return found["vote_lag_entries"] + found["vote_pending_entries"]

        eventually(shown, lambda entries: entries == self.cast, within=MEASURED_SECONDS, every=0.1)
        samples(HttpProbe(self.api.url))
        values = self._sent() - sent, highest["consumer"], highest["API"]
        for subject, value in zip(LIMITS, values, strict=True):
            self.points.setdefault(subject, []).append(value)
        self.waiting.append(self.cast)
        self.most = {part: max(self.most[part], highest[part]) for part in self.most}

    def shown(self) -> dict[str, float]:
        """Return the metrics of the consumer."""
        return samples(HttpProbe(f"http://127.0.0.1:{self.consumer.env['METRICS_PORT']}"))

    def _sent(self) -> float:
        return self.system.keys.server("total_net_output_bytes")["total_net_output_bytes"]


@given("a system of its own whose consumer cannot reach the database", target_fixture="backlog")
def without_database(long_lived: OwnSystem) -> Backlog:
    api = long_lived.api()
    env = long_lived.env | UNREACHABLE["the database"] | {"METRICS_PORT": str(free_port()), "CLAIM_IDLE_MS": "600000"}
    consumer = Running(long_lived.target.new_consumer(env), env)
    long_lived.start(consumer.child)
    probe = HttpProbe(f"http://127.0.0.1:{env['METRICS_PORT']}")
    eventually(lambda: probe.answers("/metrics"), bool, within=MEASURED_SECONDS)
    return Backlog(long_lived, api, consumer, Visitors(api.url))


@when(parsers.re(r"the votes that wait grow in (?P<steps>\d+) steps, half of them read by a consumer that died"))
def backlog_grows(backlog: Backlog, steps: str, settings: RunSettings) -> None:
    each = round(STEP * settings.long_life * (0.5 if settings.quick else 1))
    for step in range(int(steps) + 1):
        backlog.grow(each if step else 0)
        backlog.measure()


@then("neither memory nor what a measurement reads grows with them")
def costs_the_same(backlog: Backlog, measure: Callable[[str, float, str], None], observe: Observe) -> None:
    found = backlog.shown()
    with observe.together():
        true = backlog.system.stream.group(protocol.STREAM, protocol.GROUP)
        expected = (float(true.lag or 0), float(true.pending)) if true else ("no group",)
        observed = found["vote_lag_entries"], found["vote_pending_entries"]
        observe("lag and pending entries that the consumer shows", expected=expected, observed=observed)
        for subject, limit in LIMITS.items():
            line = trend(backlog.waiting, backlog.points[subject])
            measure(f"growth with the backlog: {subject}", line.slope, "bytes for each vote that waits")
            observe(f"growth of {subject}", expected=f"at most {limit:g} bytes for each vote that waits", observed=f"{line} for each",
                    holds=not line.exceeds(limit), evidence=backlog.points[subject], remedy=REMEDY)  # fmt: skip
        _observe_most(backlog, observe)


@when("its consumer reaches the database again")
def database_again(backlog: Backlog) -> None:
    backlog.consumer.child.stop()
    backlog.consumer = backlog.system.consumer(METRICS_PORT=str(free_port()), CLAIM_IDLE_MS="1000")


@then("every vote that waited is counted once, in bounded memory")
def all_counted(backlog: Backlog, observe: Observe) -> None:
    def left() -> bool:
        backlog.most["consumer"] = max(backlog.most["consumer"], footprint.of(backlog.consumer.child.pid).memory)
        return not backlog.system.stream.is_drained()

    drained = eventually(left, lambda waits: not waits, within=COUNTED_SECONDS, every=0.1)
    with observe.together():
        observe("everything is acknowledged", expected=True, observed=drained.held, evidence=backlog.consumer.child.output()[-2000:])
        observe("votes in the ledger", expected=backlog.cast, observed=sum(backlog.system.store.ledger_totals().values()))
        observe("votes in the counts", expected=backlog.cast, observed=sum(backlog.system.store.counts().values()))
        _observe_most(backlog, observe)


def _observe_most(backlog: Backlog, observe: Observe) -> None:
    for part, most in backlog.most.items():
        limit = MEMORY_MAX[part]
        observe(f"memory of the {part} with a backlog", expected=f"at most {limit >> 20} MiB", observed=f"{most / 2**20:.0f} MiB",
                holds=0 < most <= limit)  # fmt: skip
