"""Steps about dead letters that Redis refuses while the clock of the consumer is set."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from pytest_bdd import given, then, when

from features.support.streams import OwnStream
from validation.core.waiting import Waited, eventually
from validation.faults.clock import on_clock, turn
from validation.probes.running.http import HttpProbe
from validation.probes.running.metrics import samples
from validation.probes.running.redis_server import RedisServer
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget
from validation.targets.ports import free_port
from validation.targets.process import Child

DAY = 86_400.0
EVENT, ASIDE = "malformed_message_set_aside", "vote_set_aside_entries"
REFUSED_SECONDS, COUNTED_SECONDS, LONGEST_PAUSE_SECONDS, BUSY_SECONDS = 20.0, 20.0, 30.0, 10.0
REMEDY = "system/consumer/dead_letters.py: pauses are measured by the monotonic clock"


@dataclass
class Refused:
    """A consumer whose dead letters Redis refuses.

    Attributes:
        aside: the entries set aside, as its metric shows them.
        hours: by which its clock went back, as its log shows it.
    """

    child: Child
    metrics: HttpProbe
    server: RedisServer
    aside: float = -1.0
    hours: int = 0

    def attempts(self) -> list[tuple[int, float]]:
        """Return number and pause, in seconds, of each attempt in the log."""
        return [(event["attempt"], event["retry_in_seconds"]) for event in self.child.events() if event.get("event") == EVENT]

    def shown(self) -> float:
        """Return the entries set aside, or -1 before the metrics are served."""
        return samples(self.metrics).get(ASIDE, -1.0) if self.metrics.answers("/metrics") else -1.0

    def clock(self) -> float:
        """Return the time of the newest log line, in epoch seconds."""
        times = [datetime.fromisoformat(str(event["timestamp"])).timestamp() for event in self.child.events() if "timestamp" in event]
        return times[-1] if times else 0.0


@given("its dead-letter stream holds a value of another type")
def other_type(own: OwnStream, target: LaunchingTarget, stream: StreamProbe, afterwards: Callable[..., None]) -> None:
    with RedisServer(target.redis.url) as server:
        server.put("SET", own.dead_letters, "not a stream")
    afterwards(lambda: stream.forget(f"{own.dead_letters}:moved"))


@when("a consumer is started on it, and its clock goes back by a day once entries are set aside", target_fixture="refused")
def clock_goes_back(own: OwnStream, target: LaunchingTarget, stream: StreamProbe, afterwards: Callable[..., None]) -> Refused:
    port = free_port()
    child = on_clock(target.new_consumer(own.env | {"METRICS_PORT": str(port)}), "consumer", (0.0, -DAY))
    refused = Refused(child, HttpProbe(f"http://127.0.0.1:{port}"), RedisServer(target.redis.url))
    afterwards(refused.server.close)
    afterwards(child.stop)
    child.start()
    eventually(refused.attempts, bool, within=REFUSED_SECONDS, never=lambda _: not child.alive)
    refused.aside = eventually(refused.shown, lambda entries: entries == len(own.malformed), within=REFUSED_SECONDS).value
    turn(child)
    own.add(stream, 1)
    day_ago = datetime.now(UTC).timestamp() - DAY / 2
    seen: Waited[float] = eventually(refused.clock, lambda time: time < day_ago, within=COUNTED_SECONDS)
    refused.hours = round((datetime.now(UTC).timestamp() - seen.value) / 3600)
    return refused


@when("the value of another type is moved away")
def moved_away(own: OwnStream, refused: Refused) -> None:
    refused.server.put("RENAME", own.dead_letters, f"{own.dead_letters}:moved")


@then("the entries were set aside, and are tried again within 30 seconds, whatever the clock says")
def tried_again(own: OwnStream, refused: Refused, stream: StreamProbe, observe: Observe) -> None:
    within = LONGEST_PAUSE_SECONDS + BUSY_SECONDS
    expected = 0.0, len(own.malformed)
    seen = eventually(lambda: (refused.shown(), stream.length(own.dead_letters)), lambda found: found == expected, within=within, every=0.1)
    pauses = [pause for _, pause in refused.attempts()]
    with observe.together():
        observe("entries set aside while Redis refused", expected=float(len(own.malformed)), observed=refused.aside)
        observe("hours by which the clock of the consumer went back", expected=24, observed=refused.hours)
        observe(f"{ASIDE}, and entries in the dead-letter stream, within {within:g} s", expected=expected, observed=seen.value,
                evidence=seen.story + refused.child.output()[-2000:], remedy=REMEDY)  # fmt: skip
        observe("pauses in the log", expected=f"up to {LONGEST_PAUSE_SECONDS:g} s", observed=pauses, remedy=REMEDY,
                holds=bool(pauses) and max(pauses) <= LONGEST_PAUSE_SECONDS)  # fmt: skip
