"""Steps of the sweep over a consumer's crash points: crash each, kill there, let a successor finish, count."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from pytest_bdd import given, then, when

from features.steps.consumer.stream import OwnStream, new_own_stream
from validation.core import protocol
from validation.core.errors import NotProven, ProbeError
from validation.core.settings import RunSettings
from validation.core.waiting import eventually
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.faults.proxy.crash_points import CrashPoint, crash_points
from validation.faults.proxy.crashes import OK, SUBJECT, Crash, format_crashes, not_reached
from validation.faults.proxy.proxy import Breakpoint, FaultProxy
from validation.faults.proxy.traffic import WireProtocol
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget
from validation.targets.process import Child

BEHIND = "the connection is reset right after the reply, and it continues"
DIES = ("a successor with its name", "a successor with another name")
VISITS = (*DIES, "the connection is reset, and it continues", BEHIND)
REACHED_SECONDS = 15.0
RECOVERED_SECONDS = 25.0
LONG_AGO_MS = 60_000
LOG_MAX = 3000
ENOUGH = 5
"""So many wrong crashes tell what is wrong; each of them has waited to its end."""
POISON = {"option": "cats", "timestamp": "1700000000000", "request_id": "no UUID"}
NAMED = (
    "claimed",
    "new entries read",
    "statement committed",
    "dead letter and acknowledgement committed",
    "acknowledged",
    "trimmed",
)
"""Where a vote could be lost or counted twice. The sweep finds its points by itself; these must be among them."""


@dataclass
class Sweep:
    """Starts consumers behind proxies, each on a stream of its own."""

    target: LaunchingTarget
    stream: StreamProbe
    store: StoreProbe
    afterwards: Callable[..., None]
    ways: tuple[str, ...] = VISITS
    at_once: int = 3

    @contextmanager
    def proxies(self) -> Iterator[dict[WireProtocol, FaultProxy]]:
        """Make a proxy to each server."""
        made: dict[WireProtocol, FaultProxy] = {}
        try:
            made["redis"] = proxy_to(self.target.redis.url, self.target.proxy_host)
            made["postgres"] = proxy_to(self.target.database.url, self.target.proxy_host)
            yield made
        finally:
            for proxy in made.values():
                proxy.close()

    def workload(self) -> OwnStream:
        """Fill a stream: two votes in the hands of a dead consumer, three new ones, and an entry that is none."""
        own = new_own_stream(self.target, self.stream, self.afterwards, 2)
        held = self.stream.deliver(own.name, own.group, "votecheck-dead", 2)
        self.stream.age(own.name, own.group, "votecheck-dead", [identifier for identifier, _ in held], LONG_AGO_MS)
        own.add(self.stream, 3)
        own.planted[self.stream.add(own.name, POISON)] = POISON
        return own

    def record(self) -> list[CrashPoint]:
        """Let a consumer do all of it undisturbed, and list the places between its commands."""
        own = self.workload()
        with self.proxies() as proxies:
            consumer = self.target.new_consumer(own.env | _behind(proxies, self.target))
            consumer.start()
            try:
                if wrong := self.judge(own):
                    raise NotProven(f"The consumer does not even do it undisturbed: {wrong}\n{consumer.output()[-500:]}")
            finally:
                consumer.stop()
            return crash_points("postgres", proxies["postgres"].commands, "") + crash_points("redis", proxies["redis"].commands, "trimmed")

    def crash(self, point: CrashPoint, how: str) -> Crash:
        """Stop a consumer at a point, end it or its connection there, let another one or itself finish, and judge."""
        own = self.workload()
        with self.proxies() as proxies:
            proxy = proxies[point.protocol]
            held = proxy.break_at(point.matcher(), side=point.side)
            env = own.env | _behind(proxies, self.target)
            consumer = self.target.new_consumer(env)
            successor = consumer
            consumer.start()
            try:
                if not held.wait(REACHED_SECONDS).held:
                    return not_reached(point, how, f"no such command within {REACHED_SECONDS:.0f} s")
                dies = how in DIES
                if dies:
                    consumer.kill()
                if how == BEHIND:  # it wakes up to both at once, and writes to a connection that is gone
                    consumer.pause()
                    held.release_and_reset()
                    eventually(lambda: proxy.counters.closed, bool, within=REACHED_SECONDS)
                    consumer.resume()
                else:
                    held.drop()
                if dies:
                    name = {"CONSUMER_NAME": consumer.env["CONSUMER_NAME"]} if how == DIES[0] else {}
                    successor = self.target.new_consumer(own.env | name)
                    successor.start()
                begun = time.monotonic()
                verdict = self.judge(own) or OK
                seconds, seen = time.monotonic() - begun, witness(held, proxy, consumer)
                log = (
                    ""
                    if verdict == OK
                    else "\n".join(child.output()[-LOG_MAX:] for child in ([consumer] if successor is consumer else [consumer, successor]))
                )
                return Crash(str(point), how, seen, seconds, verdict, log)
            finally:
                consumer.kill()
                successor.stop()

    def judge(self, own: OwnStream) -> str:
        """Wait until a stream is done with, and say what is wrong; nothing is right."""
        drained = eventually(
            lambda: (self.stream.group(own.name, own.group), self.stream.length(own.name)),
            lambda seen: seen[0] is not None and seen[0].drained and seen[1] <= 1,
            within=RECOVERED_SECONDS,
        )
        ledger = self.store.ledger(own.votes)
        buried = sorted(fields.get("source_id", "") for _, fields in self.stream.entries_after(own.name + protocol.DEAD_SUFFIX))
        wrong = []
        if not drained.held:
            wrong.append(f"not drained and trimmed: {drained.value}")
        if ledger != own.votes:
            wrong.append(f"{len(own.votes) - len(ledger)} of {len(own.votes)} votes not counted, or one for another option")
        if buried != sorted(own.planted):
            wrong.append(f"dead letters of {buried}, planted {sorted(own.planted)}")
        return "; ".join(wrong)


@given("the commands of a consumer that claims, counts, buries, acknowledges and trims", target_fixture="recorded")
def commands_of_a_consumer(
    target: LaunchingTarget, stream: StreamProbe, store: StoreProbe, afterwards: Callable[..., None]
) -> tuple[Sweep, list[CrashPoint]]:
    # Where parts start slowly, most of a crash is spent waiting for the engine, which costs no processor.
    sweep = Sweep(target, stream, store, afterwards, at_once=3 if target.starts_fast else 6)
    return sweep, sweep.record()


@when("it is killed before and after each of them", target_fixture="crashes")
@when("before and after each of them it is killed, and its connection is reset and goes silent", target_fixture="crashes")
def killed_at_each(
    recorded: tuple[Sweep, list[CrashPoint]], settings: RunSettings, measure: Callable[[str, float, str], None]
) -> list[Crash]:
    sweep, found = recorded
    wrong, enough = list[Crash](), 1 if settings.fail_fast else ENOUGH

    def look(job: tuple[CrashPoint, str]) -> Crash | None:
        if len(wrong) >= enough:
            return None
        try:
            crash = sweep.crash(*job)
        except (NotProven, ProbeError) as reason:  # one that could not be looked at does not hide the others
            return not_reached(*job, str(reason))
        if crash.reached and not crash.ok:
            wrong.append(crash)
        return crash

    if settings.quick:
        found = list({(point.protocol, point.step, point.side): point for point in reversed(found)}.values())
    jobs = turns(found, sweep.ways, every=sweep.target.starts_fast and not settings.quick)
    with ThreadPoolExecutor(sweep.at_once) as pool:
        crashes = [crash for crash in pool.map(look, jobs) if crash]
    if len(crashes) < len(jobs):
        measure(f"crash points that were left out once {enough} crashes had gone wrong", len(jobs) - len(crashes), "crashes")
    return crashes


def turns(found: list[CrashPoint], ways: tuple[str, ...], *, every: bool) -> list[tuple[CrashPoint, str]]:
    """Crash each point in every way, or in one: the ways then take turns, another before a command than behind it.

    Behind a reply can only be where there is one.
    """
    able = [(point, [how for how in ways if how != BEHIND or point.side == "reply"]) for point in found]
    if every:
        return [(point, how) for point, hows in able for how in hows]
    return [(point, hows[(number // 2 + number % 2 * 2) % len(hows)]) for number, (point, hows) in enumerate(able)]


@then("the points are those where a vote could be lost or counted twice")
def points_are_named(recorded: tuple[Sweep, list[CrashPoint]], observe: Observe) -> None:
    steps = {point.step for point in recorded[1]}
    listed = "\n".join(map(str, recorded[1]))
    observe("steps without a crash point", expected=[], observed=[step for step in NAMED if step not in steps], evidence=listed)


@then("after each death every vote is counted once and every malformed entry is buried once")
def counted_once_after_each(crashes: list[Crash], store: StoreProbe, measure: Callable[[str, float, str], None], observe: Observe) -> None:
    observe_crashes(crashes, "a consumer", "system/consumer/loop.py acknowledges what is committed, and nothing else", measure, observe)
    counts, sums = store.counts(), store.ledger_totals()
    observe("counts beside the sums of the ledger", expected=dict(sums), observed={k: v for k, v in counts.items() if v})


def observe_crashes(crashes: list[Crash], whose: str, remedy: str, measure: Callable[[str, float, str], None], observe: Observe) -> None:
    """Record the table of a sweep, one observation a point. What was not reached is in the table, and the sweep is not proven then."""
    reached = [crash for crash in crashes if crash.reached]
    measure(f"crashes of {whose}", len(reached), "crashes")
    measure(f"slowest recovery from a crash of {whose}", max((crash.seconds for crash in reached), default=0.0), "s")
    with observe.together():
        for point in dict.fromkeys(crash.point for crash in crashes):
            here = [crash for crash in crashes if crash.point == point]
            verdicts = [crash.verdict for crash in here if crash.reached]
            observe(f"{SUBJECT}{point}", expected=[OK] * len(verdicts), observed=verdicts, evidence=format_crashes(here), remedy=remedy)
    if unseen := [crash for crash in crashes if not crash.reached]:
        raise NotProven(f"{len(unseen)} of {len(crashes)} crash points were not reached, first: {unseen[0]}")


def witness(held: Breakpoint, proxy: FaultProxy, process: Child) -> str:
    """Tell what was seen of a crash: at which command, and what ended there."""
    code = process.exit_code
    if code is None:
        ended = "the connection reset" if proxy.counters.closed else "no reply"
    else:
        ended = f"killed by signal {-code}" if code < 0 else f"the process ended with {code}"
    return f"{held.command.label if held.command else '?'}, {ended}"


def _behind(proxies: dict[WireProtocol, FaultProxy], target: LaunchingTarget) -> dict[str, str]:
    return {
        "REDIS_URL": url_through(target.redis.url, proxies["redis"]),
        "DATABASE_URL": url_through(target.database.url, proxies["postgres"]),
    }
