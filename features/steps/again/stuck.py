"""Steps that hold exactly the work, while the rest of the process goes on."""

from collections.abc import Callable
from dataclasses import dataclass

from pytest_bdd import then, when

from features.support.consumers import Running
from features.support.streams import OwnStream
from validation.core.collections import every
from validation.core.waiting import Waited, consistently, eventually
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.faults.proxy.proxy import Breakpoint, FaultProxy
from validation.probes.running.http import HttpProbe
from validation.probes.running.metrics import samples
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget
from validation.targets.ports import free_port
from validation.targets.process import Child

HELD_SECONDS, LATE_SECONDS, REACHED_SECONDS, ALIVE_SECONDS = 2.5, 0.3, 20.0, 10.0
"""A heartbeat that began before the work was held may still be written; the work itself gives up after 5 s."""
PRINT_HEARTBEAT = "import os; print(open(os.environ.get('HEARTBEAT_FILE', '/tmp/votecheck-consumer-beat')).read())"
COUNTED = "votes_counted_total"


@dataclass(frozen=True)
class Held:
    """What was seen while one step of the work was held, and when it went on."""

    step: str
    reached: bool
    heartbeats: Waited[str]
    counted: float
    ledger: int
    acknowledged: int
    later: Waited[str]


@when("the commit of a consumer is held, and later its read", target_fixture="held")
def hold(
    own: OwnStream,
    target: LaunchingTarget,
    stream: StreamProbe,
    store: StoreProbe,
    start_consumer: Callable[..., Running],
    afterwards: Callable[..., None],
) -> list[Held]:
    redis, database = proxy_to(target.redis.url, target.proxy_host), proxy_to(target.database.url, target.proxy_host)
    for proxy in (redis, database):
        afterwards(proxy.close)
    commit = database.break_at(lambda command: command.words[:2] == ("query", "commit"), side="request")
    port = free_port()
    names = {"REDIS_URL": url_through(target.redis.url, redis), "DATABASE_URL": url_through(target.database.url, database)}
    child = start_consumer(**own.env, **names, METRICS_PORT=str(port)).child
    metrics = HttpProbe(f"http://127.0.0.1:{port}")

    def look(step: str, held: Breakpoint, proxy: FaultProxy) -> Held:
        reached = held.wait(REACHED_SECONDS).held
        consistently(lambda: None, lambda _: True, during=LATE_SECONDS)
        first = _heartbeat(child)
        heartbeats = consistently(lambda: _heartbeat(child), lambda text: text == first, during=HELD_SECONDS, every=0.25)
        counted, in_ledger = _counted(metrics), len(store.ledger(own.votes))
        acknowledged = len(own.votes) - own.unacknowledged(stream)
        held.release() if proxy.counters.held else None
        later = eventually(lambda: _heartbeat(child), lambda text: text != first, within=ALIVE_SECONDS)
        return Held(step, reached, heartbeats, counted, in_ledger, acknowledged, later)

    first = look("commit", commit, database)
    own.wait_until_drained(stream)
    read = redis.break_at(lambda command: command.label == "XREADGROUP" and command.words[-1] == ">", side="request")
    return [first, look("read", read, redis)]


@then("nothing is acknowledged, counted in the metrics or shown as alive meanwhile")
def nothing_meanwhile(held: list[Held], own: OwnStream, observe: Observe) -> None:
    for one, votes in zip(held, (0, len(own.votes)), strict=True):
        with observe.together():
            observe(f"the {one.step} was held", expected=True, observed=one.reached)
            observe(f"heartbeats while the {one.step} is held", expected="none", observed=one.heartbeats.value, holds=one.heartbeats.held,
                    evidence=one.heartbeats.story, remedy="system/consumer/heartbeat.py: the loop writes it, and nothing else")  # fmt: skip
            observe(f"a heartbeat after the {one.step} went on", expected=True, observed=one.later.held, evidence=one.later.story)
            observe(f"{COUNTED} while the {one.step} is held", expected=float(votes), observed=one.counted,
                    remedy="system/consumer/loop.py: count after the commit")  # fmt: skip
            observe(f"votes in the ledger while the {one.step} is held", expected=votes, observed=one.ledger)
            observe(f"acknowledged entries while the {one.step} is held", expected=votes, observed=one.acknowledged)
    observe("both were held", expected=True, observed=every(one.reached for one in held))


def _heartbeat(child: Child) -> str:
    return child.ask("python", "-c", PRINT_HEARTBEAT, within=ALIVE_SECONDS).stdout.strip()


def _counted(metrics: HttpProbe) -> float:
    return samples(metrics).get(COUNTED, -1.0)
